"""The JSON API: one table of operations makes its routes and its OpenAPI document."""
