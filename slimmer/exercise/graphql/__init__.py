"""Queries of an app's GraphQL API, as its introspection describes it (GraphQL specification of October 2021, section 4).

The API is found (`discovery`), and what it says of itself is read in the sandbox (`document`), with one selection (`selection`) and arguments
(`argument`) for each field. `caller` asks, and takes IDs from answers for later fields.
"""
