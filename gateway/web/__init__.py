"""The HTTP server: webhooks in, the JSON API, pages for people, health and metrics."""
