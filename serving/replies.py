"""What the API answers, field by field."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from artefact import RiskLevel
from serving.answers import ViewUse
from serving.explain import Explanation
from serving.features import LowerRung

Share = Annotated[float, Field(ge=0, le=1)]
Degraded = Annotated[
    LowerRung | None,
    Field(
        description="Null where every feature came from the online store, else the worst rung that was used."
    ),
]
RequestId = Annotated[str, Field(description="As in the header X-Request-ID.")]
Milliseconds = Annotated[float, Field(ge=0, description="Features, encoding and models.")]
Views = Annotated[
    Mapping[str, ViewUse],
    Field(description="Per feature view: its status, the age of the row, and the rung the values come from."),
]


@dataclass(slots=True)
class Prediction:
    """Answer to ``POST /predict``."""

    user_id: str
    fraud_probability: Share
    recommendation_score: Share
    risk_level: RiskLevel
    inference_time_ms: Milliseconds
    model_version: Annotated[str, Field(examples=["fraud@20260101T000000,recommendation@20260101T000000"])]
    request_id: RequestId
    arm: Annotated[str, Field(description="Whose models decided.", examples=["champion"])]
    experiment: Annotated[str | None, Field(description="What the arm belongs to.")]
    degraded: Degraded
    views: Views
    explanation: Annotated[Explanation | None, Field(description="With `explain=true`.")] = None


@dataclass(frozen=True, slots=True)
class Predictions:
    """Answer to ``POST /predict/batch``, in the order of the question."""

    predictions: list[Prediction]
    inference_time_ms: Milliseconds
    request_id: RequestId
    degraded: Degraded


@dataclass(frozen=True, slots=True)
class Recommendation:
    """One product and how likely the customer orders it."""

    product_id: str
    score: Share


@dataclass(frozen=True, slots=True)
class Recommendations:
    """Answer to ``GET /recommendations/{user_id}``, best first; a view is as old as its oldest row shown."""

    user_id: str
    recommendations: list[Recommendation]
    inference_time_ms: Milliseconds
    model_version: str
    request_id: RequestId
    arm: Annotated[str, Field(description="Whose model decided.", examples=["champion"])]
    experiment: Annotated[str | None, Field(description="What the arm belongs to.")]
    degraded: Degraded
    views: Views
