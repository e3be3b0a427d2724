"""The tour of ``gateway demo``: real sockets, a real database, mails as people send them."""
