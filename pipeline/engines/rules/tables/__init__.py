"""Reading a table of rows: under a heading, or line by line on a slip."""
