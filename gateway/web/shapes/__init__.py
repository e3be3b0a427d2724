"""How the API and the pages show things: ids as text, times as RFC 3339, nothing internal."""
