"""How servers are reached by every program: settings, and what clients are told. Imports nothing of ours."""
