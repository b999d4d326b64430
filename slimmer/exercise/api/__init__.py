"""Calls of an app's own API, as its description says (OpenAPI 3, Swagger 2).

The description is found (`discovery`) and read in the sandbox (`document`), with an example of each value (`schema`, `example`, `pattern`).
`order` says which operation comes when, `call` makes requests of operations, `capture_points` finds IDs in answers, and `caller` asks.
"""
