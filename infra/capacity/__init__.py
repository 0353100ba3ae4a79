"""How large the platform must be for a load: what it costs to serve was measured, what is asked for is given.

`coefficients.json` is written by ``python -m tests.benchmarks.scale --write`` and by nothing else. `registry` reads what
is computed, `load` says what comes in, `demand` multiplies them, and `plan` tells which limit binds.
"""
