"""See what a network is made of, what each layer costs, and what a change would do."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import streamlit as st

from apps.convolution import edit_convolution
from apps.costs import columns, cost_of_network, height_of, rows_of, show_bars, show_totals
from apps.plain_text import plain
from apps.session import boot
from apps.tasks import NETWORKS

if TYPE_CHECKING:
    from models.explanation import Explanation
    from models.spec import ModelSpec

FIRST = "vgg16"  # whose costs tell the story best: memory early, parameters late
LARGEST_PX = 1024
LARGEST_BATCH = 1024
BLOCK_COLUMNS = ("Layer", "Output", "Activations", "MiB", "Parameters", "Multiply-adds", "Sees")
DTYPES = {"float32": "float32", "mixed_float16": "mixed float16", "bfloat16": "bfloat16"}


def page() -> None:
    """Lay the page out."""
    st.title(NETWORKS.title, anchor=False)
    st.markdown(NETWORKS.wish)
    boot()
    network, spec = _choose_network()
    side_px, batch, dtype, scale = _choose_sizes(network, spec)
    try:
        cost = cost_of_network(network, side_px, batch, dtype, scale)
    except ValueError as error:
        st.error(plain(str(error), limit=600), title="This network does not take that size")
        return
    show_totals(cost)
    blocks = cost.by_block()
    with st.container(border=True):
        st.markdown("**From the image on**: each block's share")
        show_bars(blocks.rows)
    _show_table(cost, blocks)
    edit_convolution(cost, side_px, scale)


def _choose_network() -> tuple[str, ModelSpec]:
    """Let the visitor choose, and keep the choice in the page's address, `?network=NAME`."""
    from models.catalog import list_models, model_info
    from models.spec import WaveformSpec

    names = [name for name in list_models() if not isinstance(model_info(name).spec, WaveformSpec)]
    linked = st.query_params.get("network")
    if linked in names:
        st.session_state["networks.network"] = linked
    st.session_state.setdefault("networks.network", FIRST if FIRST in names else names[0])
    name = st.selectbox(
        "Network",
        names,
        format_func=lambda name: f"{name} · {model_info(name).spec.title}",
        key="networks.network",
        on_change=_link_to_network,
        persist_state="session",
    )
    return name, model_info(name).spec


def _link_to_network() -> None:
    st.query_params["network"] = st.session_state["networks.network"]


def _choose_sizes(network: str, spec: ModelSpec) -> tuple[int, int, str, int | None]:
    """Let the visitor choose the image's side, the batch, the precision, and how much larger."""
    from models.spec import SCALES, UpscalerSpec

    enlarges = isinstance(spec, UpscalerSpec)
    side, batch, precision, *rest = st.columns(4 if enlarges else 3)
    side_px = side.number_input(
        "Image side in pixels",
        spec.smallest_px,
        max(LARGEST_PX, spec.input_shape[0]),
        spec.input_shape[0],
        key=f"networks.side.{network}",
        persist_state="session",
    )
    images = batch.number_input(
        "Images in a batch", 1, LARGEST_BATCH, 1, key="networks.batch", persist_state="session"
    )
    dtype = precision.selectbox(
        "Precision",
        list(DTYPES),
        format_func=DTYPES.__getitem__,
        key="networks.dtype",
        persist_state="session",
    )
    scale = None
    if enlarges:
        scale = rest[0].selectbox(
            "Times larger", SCALES, key="networks.scale", persist_state="session"
        )
    return side_px, images, dtype, scale


def _show_table(cost: Explanation, blocks: Explanation) -> None:
    """Show a row a block, the layers of the one that is selected, and the downloads."""
    st.subheader("Block by block", anchor=False)
    chosen: Any = st.dataframe(
        rows_of(blocks.rows),
        hide_index=True,
        column_order=BLOCK_COLUMNS,
        column_config=columns("Block"),
        height=height_of(len(blocks.rows)),
        key=f"networks.blocks.{cost.name}",
        on_select="rerun",
        selection_mode="single-row",
        alt=f"What each block of {cost.name} costs",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("Select a row to see its layers.", width="content")
        st.space("stretch")
        _offer_downloads(cost)
    for place in chosen.selection.rows:
        if place < len(blocks.rows):
            block = blocks.rows[place].name
            layers = cost.layers_of(block)
            st.markdown(f"Layers of **{plain(block)}**")
            st.dataframe(
                rows_of(layers),
                hide_index=True,
                column_config=columns(),
                height=height_of(len(layers)),
                alt=f"What each layer of {block} costs",
            )


def _offer_downloads(cost: Explanation) -> None:
    def picture() -> bytes:
        file = BytesIO()
        cost.figure().savefig(file, format="png", dpi=150)
        return file.getvalue()

    forms: tuple[tuple[str, Any, str, str], ...] = (
        ("Markdown", cost.to_markdown, "md", "text/markdown"),
        ("CSV", cost.to_csv, "csv", "text/csv"),
        ("Picture", picture, "png", "image/png"),
    )
    for form, write, ending, kind in forms:
        st.download_button(
            form,
            write,
            f"{cost.name}.{ending}",
            kind,
            help=f"Download every layer's cost as {form}",
            icon=":material/download:",
            on_click="ignore",
        )


page()
