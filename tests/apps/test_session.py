from __future__ import annotations

import gc

import pytest
from streamlit.testing.v1 import AppTest

from apps.session import Upload, UploadError, boot
from apps.settings import UPLOAD_LIMIT_MB


def test_a_file_of_the_largest_size_is_taken() -> None:
    content = bytes(UPLOAD_LIMIT_MB * 2**20)
    assert Upload.of("big.png", content).content is content


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "must not be empty; got 0 bytes"),
        (bytes(UPLOAD_LIMIT_MB * 2**20 + 1), "at most 20 MB; got 20.0 MB; save it smaller"),
    ],
)
def test_other_files_are_refused(content: bytes, message: str) -> None:
    with pytest.raises(UploadError, match=message):
        Upload.of("x.png", content)


def test_equal_content_has_equal_digests() -> None:
    assert Upload.of("a", b"x").digest == Upload.of("b", b"x").digest
    assert Upload.of("a", b"x").digest != Upload.of("a", b"y").digest


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("photo.jpg", "photo"),
        ("Räder 3_b.tar.gz", "Räder 3_b tar"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Windows\\x.jpg", "x"),
        ("![x](http://evil.example/x.png) <script> :material/home: .png", "home"),
        ("\u202egnp.exe\r\nSet-Cookie: a=b.jpg", "gnp exe Set-Cookie a b"),
        ("...", "picture"),
        ("x" * 300 + ".jpg", "x" * 60),
    ],
)
def test_what_is_made_of_a_file_is_named_after_it(name: str, stem: str) -> None:
    assert Upload.of(name, b"x").stem("picture") == stem


def test_boot_disarms_only_the_call_that_streamlit_makes() -> None:
    import keras

    boot()
    keras.config.set_dtype_policy("bfloat16")
    keras.backend.clear_session()
    assert keras.config.dtype_policy().name == "bfloat16"
    keras.utils.clear_session()
    assert keras.config.dtype_policy().name == "float32"


def test_boot_takes_the_imported_modules_out_of_garbage_collection() -> None:
    boot.clear()  # another test of this process may have booted, and let go of what was frozen
    boot()
    assert gc.get_freeze_count() > 100_000  # Keras and TensorFlow alone are more


def _page() -> None:
    import streamlit as st

    from apps.session import boot

    if st.checkbox("boot"):
        boot()


def test_streamlit_resets_keras_after_each_run_until_boot(monkeypatch: pytest.MonkeyPatch) -> None:
    # Should the first assertion fail one day, Streamlit has stopped it and `boot` can do less.
    import keras

    calls = []
    monkeypatch.setattr(keras.backend, "clear_session", lambda: calls.append("reset"))
    boot.clear()
    page = AppTest.from_function(_page, default_timeout=120).run()
    assert calls == ["reset"]
    page.checkbox[0].check().run()
    page.run()
    assert calls == ["reset"]
