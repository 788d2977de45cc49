"""What if: one convolution of a network with other settings, alone and in its network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from apps.costs import COUNTED, Edits, cost_of_network, height_of, show_totals
from apps.plain_text import plain
from models.arithmetic import conv_output, nearest_fits

if TYPE_CHECKING:
    from models.explanation import Cost, Explanation

EDITABLE = ("Conv2D", "GroupedConv2D")
MOST = {"size": 4096, "kernel": 63, "stride": 63, "padding": 15, "filters": 8192}
PADDINGS = ("same", *map(str, range(MOST["padding"] + 1)))
SETTING_PX = 126  # five side by side on a desktop, two on a phone


@dataclass(frozen=True)
class Settings:
    """What a visitor chose; `padding` is "same" or a number of pixels."""

    size: int
    kernel: int
    stride: int
    padding: str
    filters: int

    @property
    def pixels(self) -> int:
        """The padding in pixels, where it is a number."""
        return 0 if self.padding == "same" else int(self.padding)

    @property
    def way(self) -> int:
        """Pixels from the first window to the last; below 0 where the kernel is too large."""
        return self.size if self.padding == "same" else self.size + 2 * self.pixels - self.kernel

    @property
    def keras_padding(self) -> str | None:
        """What a Keras convolution calls this padding; None where it has no word for it."""
        centred = self.stride == 1 and self.kernel == 2 * self.pixels + 1
        if self.padding == "same" or centred:
            return "same"
        return None if self.pixels else "valid"


def edit_convolution(cost: Explanation, side_px: int, scale: int | None = None) -> None:
    """Let the visitor change one convolution; show what comes of it.

    Args:
        cost: The network's.
        side_px: Of its image.
        scale: How many times larger it makes that; None where it does not enlarge.
    """
    rows = {row.name: row for row in cost.rows if _editable(row)}
    if not rows:
        return
    st.subheader("What if?", anchor=False)
    with st.container(border=True):
        name = st.selectbox("Edit one convolution", list(rows), key=f"what_if.{cost.name}")
        row = rows[name]
        key = f"what_if.{cost.name}.{side_px}.{scale}.{name}"
        chosen = _choose(row, key)
        if not _comes_out_even(chosen):
            _offer_remedies(chosen, key)
        if chosen.way >= 0:
            _show_alone(cost, row, chosen)
            follow = partial(cost_of_network, cost.name, side_px, cost.batch, cost.dtype, scale)
            _show_in_network(cost, follow, row, chosen)


def _editable(row: Cost) -> bool:
    square = all(len(set(sizes or ())) == 1 for sizes in (row.kernel, row.stride))
    plain_one = row.kind in EDITABLE and row.dilation is None
    return plain_one and square and row.input_shape[0] == row.input_shape[1]


def _settings_of(row: Cost) -> Settings:
    kernel, stride = (sizes[0] if sizes else 1 for sizes in (row.kernel, row.stride))
    padding = "same" if row.padding == "same" else "0"
    return Settings(row.input_shape[0], kernel, stride, padding, row.output_shape[-1])


def _choose(row: Cost, key: str) -> Settings:
    """Offer the five settings; they begin as those of the network."""
    now = _settings_of(row)

    def number(setting: str) -> int:
        label, value = setting.capitalize(), getattr(now, setting)
        most = max(MOST[setting], value)
        chosen: int = st.number_input(
            label, 1, most, value, key=f"{key}.{setting}", width=SETTING_PX
        )
        return chosen

    with st.container(horizontal=True, gap="xsmall"):
        size = number("size")
        kernel = number("kernel")
        stride = number("stride")
        first = PADDINGS.index(now.padding)
        padding = st.selectbox("Padding", PADDINGS, first, key=f"{key}.padding", width=SETTING_PX)
        filters = number("filters")
    return Settings(size, kernel, stride, padding, filters)


def _comes_out_even(chosen: Settings) -> bool:
    """Tell whether the windows come out even; say kindly why, where they do not."""
    padding: Any = "same" if chosen.padding == "same" else chosen.pixels
    try:
        conv_output(chosen.size, chosen.kernel, chosen.stride, padding)
    except ValueError as error:
        reason = str(error).partition("; what fits")[0]
        if chosen.way >= 0:
            left = chosen.way % chosen.stride
            pixels = "pixel" if left == 1 else f"{left} pixels"
            reason += f". Frameworks round down, and leave the last {pixels} of each side unread"
        st.warning(plain(f"{reason}.", limit=600), title="These windows do not come out even")
        return False
    return True


def _offer_remedies(chosen: Settings, key: str) -> None:
    """Offer the nearest settings that fit, one click each."""
    fits = nearest_fits(chosen.size, chosen.kernel, chosen.stride, chosen.pixels)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown("What fits:", width="content")
        for setting, values in fits.items():
            for value in filter(MOST[setting].__ge__, values):
                new = str(value) if setting == "padding" else value
                st.button(
                    f"{setting} {value}",
                    key=f"{key}.{setting}={value}",
                    on_click=_set,
                    args=(f"{key}.{setting}", new),
                )


def _set(key: str, value: int | str) -> None:
    st.session_state[key] = value


@st.cache_data(show_spinner=False, max_entries=COUNTED)
def _cost_alone(
    chosen: Settings, channels: int, groups: int, biased: bool, batch: int, dtype: str
) -> Explanation:
    """Explain one convolution; its weights get no values, so that none is too large."""
    import keras

    from models.calls import without_values
    from models.explain import explain

    def build() -> keras.Model:
        layers: list[Any] = [keras.Input((chosen.size, chosen.size, channels))]
        if chosen.pixels:
            layers.append(keras.layers.ZeroPadding2D(chosen.pixels))
        convolution = keras.layers.Conv2D(
            chosen.filters,
            chosen.kernel,
            strides=chosen.stride,
            padding="same" if chosen.padding == "same" else "valid",
            groups=groups,
            use_bias=biased,
        )
        return keras.Sequential([*layers, convolution])

    return explain(without_values(build), batch=batch, dtype=dtype)


def _show_alone(cost: Explanation, row: Cost, chosen: Settings) -> None:
    """Show the convolution's own shape and cost."""
    from models.explanation_text import brief, brief_bytes, times

    groups, channels = row.groups or 1, row.input_shape[-1]
    if chosen.filters % groups:
        wrong = f"There are {groups} groups, so the filters must be a multiple of {groups}."
        st.warning(wrong, title="These filters cannot be shared out")
        return
    weights = _settings_of(row).kernel ** 2 * channels // groups * row.output_shape[-1]
    biased = row.parameters > weights
    alone = _cost_alone(chosen, channels, groups, biased, cost.batch, cost.dtype).rows[-1]
    figures = {
        "Output": times(alone.output_shape),
        "Parameters": brief(alone.parameters),
        "Multiply-adds": brief(alone.multiply_adds or 0),
        "Activations": brief_bytes(alone.activation_bytes),
    }
    with st.container(horizontal=True, gap="medium"):
        for label, figure in figures.items():
            st.metric(label, figure, width="content")


def _show_in_network(
    cost: Explanation, follow: Callable[[Edits], Explanation], row: Cost, chosen: Settings
) -> None:
    """Show what becomes of the network: its totals, and the shapes that follow."""
    now = _settings_of(row)
    padding = chosen.keras_padding
    if chosen.size != now.size or padding is None:
        st.caption(
            f"What follows in {plain(cost.name)} can be seen with its own size, {now.size}, and a "
            "padding of “same” or 0, the two that a convolution of Keras has."
        )
        return
    edits = _edits(now, chosen, padding)
    if not edits:
        st.caption(f"Change a setting to see what follows in {plain(cost.name)}.")
        return
    try:
        changed = follow(((row.name, edits),))
    except ValueError as error:
        st.info(plain(str(error), limit=600), title="The network cannot follow")
        return
    st.markdown(f"**{plain(cost.name)}** with this convolution:")
    show_totals(changed, before=cost)
    _show_shapes(cost, changed)


def _edits(now: Settings, chosen: Settings, padding: str) -> tuple[tuple[str, Any], ...]:
    """Return the arguments of the layer that are not as they were."""
    arguments = {
        "filters": (now.filters, chosen.filters),
        "kernel_size": (now.kernel, chosen.kernel),
        "strides": (now.stride, chosen.stride),
        "padding": (now.keras_padding, padding),
    }
    return tuple((name, new) for name, (old, new) in arguments.items() if old != new)


def _show_shapes(before: Explanation, after: Explanation) -> None:
    """Show the layers whose shapes have followed."""
    from models.explanation_text import times

    pairs = zip(before.rows, after.rows, strict=True)
    rows = [
        {"Layer": new.name, "Before": times(old.output_shape), "Now": times(new.output_shape)}
        for old, new in pairs
        if old.output_shape != new.output_shape
    ]
    if not rows:
        st.caption("All shapes stay as they are.")
        return
    st.markdown(f"The shapes of {len(rows)} layers follow:" if rows[1:] else "One shape follows:")
    st.dataframe(rows, hide_index=True, height=height_of(len(rows)))
