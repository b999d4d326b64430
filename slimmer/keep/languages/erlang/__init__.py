"""What Erlang and Elixir can load: applications in use, those that they need, releases."""
