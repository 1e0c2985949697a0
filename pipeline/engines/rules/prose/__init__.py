"""What sentences say: terms, dates, laws and courts of a contract, and who agrees with whom."""
