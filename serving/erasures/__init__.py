"""Erasing a person: `DELETE /users/{user_id}` and `GET /erasures/{receipt}`.

::

    DELETE --> topic erasures (acknowledged) --> Redis, what this process remembers --> 202 with a receipt
                    |                                                ^
                    |--> every process of the API ------- forgets ---'
                    '--> python -m ingestion.erase --> topic erasure_receipts --> GET, in every process

What was acknowledged is carried out, whatever is killed; without an acknowledgement nothing is promised. Not a hot path.
"""
