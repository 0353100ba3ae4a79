"""The model artefact, in which training and serving meet: a folder per model and version.

- ``<models>/fraud/<version>/model.onnx``: input ``features`` [N, F] float32, output ``probability`` [N] or [N, 1] float32
- ``<models>/fraud/<version>/card.json``: what the model expects and how well it does
- ``<models>/fraud/<version>/reference.parquet``: rows that predictions are held against
- ``<models>/fraud/<version>/overrides.jsonl``: who put it in use although checks of it failed
- ``<models>/fraud/champion``: the version in use
- ``<models>/recommendation/...``: the same, with ``candidates.parquet`` and ``popular.parquet``
"""

from artefact.card import (
    AcceptedBatch,
    Card,
    InputFeature,
    RiskLevel,
    Rules,
    Thresholds,
    load_card,
    save_card,
)
from artefact.encode import RowEncoder, encode_rows
from artefact.errors import ArtefactError
from artefact.folder import (
    CANDIDATE_SCORE,
    CANDIDATES_FILE,
    CARD_FILE,
    MODEL_FILE,
    POPULAR_FILE,
    REFERENCE_FILE,
    champion_path,
    set_champion,
    version_path,
    whole_version,
)
from artefact.overrides import Override, load_overrides
from artefact.service_hash import feature_service_hash
from artefact.typical import typical_values

__all__ = [
    "CANDIDATES_FILE",
    "CANDIDATE_SCORE",
    "CARD_FILE",
    "MODEL_FILE",
    "POPULAR_FILE",
    "REFERENCE_FILE",
    "AcceptedBatch",
    "ArtefactError",
    "Card",
    "InputFeature",
    "Override",
    "RiskLevel",
    "RowEncoder",
    "Rules",
    "Thresholds",
    "champion_path",
    "encode_rows",
    "feature_service_hash",
    "load_card",
    "load_overrides",
    "save_card",
    "set_champion",
    "typical_values",
    "version_path",
    "whole_version",
]
