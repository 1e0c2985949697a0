"""Reading who is who: names, addresses and numbers of issuer and recipient."""
