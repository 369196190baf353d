"""The sections ``[sinks.NAME]``: one for each sink of an installed package."""

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, create_model, model_validator

from teleward_cloud.catalogue import SinkInfo, catalogue


class NoSinks(BaseModel):
    """Base of the sections: unknown sinks are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _installed(cls, sections: Any) -> Any:
        unknown = sorted(set(sections) - set(catalogue())) if isinstance(sections, dict) else []
        if unknown:
            raise ValueError(f"no sink named {', '.join(unknown)}; see: teleward sinks list")
        return sections

    def chosen(self) -> list[tuple[SinkInfo, BaseModel]]:
        """Return the sinks whose section is there, with its settings."""
        return [
            (catalogue()[field.alias or name], section)
            for name, field in type(self).model_fields.items()
            if (section := getattr(self, name)) is not None
        ]


def _sections() -> type[NoSinks]:
    fields: dict[str, Any] = {
        info.name.replace("-", "_"): (
            info.settings | None,
            Field(None, alias=info.name, description=info.title),
        )
        for info in catalogue().values()
    }
    return create_model("SinkSections", __base__=NoSinks, **fields)


if TYPE_CHECKING:
    SinkSections = NoSinks
else:
    SinkSections = _sections()
