"""Texts: bags of n-grams, or rows of tokens, with a vocabulary that the training texts determine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from firstlight.data.examples import Texts
from firstlight.data.texts.batches import TextBatches, TextShape, bag, padded
from firstlight.data.texts.profile import profile
from firstlight.kinds.kind import Dataset, Kind, Pipeline, Portion, Unseen, only
from firstlight.text import count, visible

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from firstlight.config.schema import Config
    from firstlight.data.examples import Examples, Split
    from firstlight.data.texts.ngrams import Vocabulary
    from firstlight.data.texts.ragged import Ragged
    from firstlight.data.texts.tokens import Tokens
    from firstlight.data.texts.unseen import NewTexts
    from firstlight.machine.choices import Machine
    from firstlight.watch.progress import Progress

PORTION = 8_192  # new texts predicted at a time: bounds the memory
READS_TOKENS = frozenset({"text_transformer"})  # networks that see the order; the others see bags of n-grams


class Fitted:
    """What is fitted on the training texts, each only when it is asked for: n-grams, tokens."""

    def __init__(self, examples: Examples, split: Split) -> None:
        self._texts = examples.texts
        self._train = split.train

    @cached_property
    def ngrams(self) -> tuple[Ragged, Vocabulary]:
        """Every text as the n-grams of the vocabulary."""
        from firstlight.data.texts.ngrams import encode, fit_vocabulary

        vocabulary = fit_vocabulary(self._training_texts())
        return encode(self._texts, vocabulary), vocabulary

    @cached_property
    def tokens(self) -> tuple[Ragged, Tokens]:
        """Every text as tokens."""
        from firstlight.data.texts.tokens import encode_tokens, fit_tokens

        tokens = fit_tokens(self._training_texts())
        return encode_tokens(self._texts, tokens), tokens

    def _training_texts(self) -> Sequence[str]:
        return [self._texts[row] for row in self._train.tolist()]


def _pipeline(config: Config, data: Dataset, outputs: int, machine: Machine) -> Pipeline:
    import torch

    fitted: Fitted = data.fitted
    content = data.examples.content
    assert isinstance(content, Texts)
    meta: dict[str, Any] = {"text_columns": list(content.columns), "id_columns": list(content.id_columns)}
    if config.model.name in READS_TOKENS:
        ragged, tokens = fitted.tokens
        meta |= {"tokens": tokens.plain()}
    else:
        ragged, vocabulary = fitted.ngrams
        meta |= {"vocabulary": vocabulary.plain()}
    targets = torch.from_numpy(data.examples.targets)

    def batches(rows: NDArray[Any]) -> TextBatches:
        return TextBatches(
            ragged=ragged,
            targets=targets,
            rows=torch.from_numpy(rows),
            size=config.training.batch_size,
            seed=config.seed,
            device=machine.device,
            form="tokens" if "tokens" in meta else "bag",
        )

    return Pipeline(
        train=batches(data.split.train),
        val=batches(data.split.val),
        shape=_shape(meta, outputs),
        views=only,
        meta=meta,
    )


def _shape(meta: Mapping[str, Any], outputs: int) -> TextShape:
    from firstlight.data.texts.ngrams import Vocabulary

    if "tokens" in meta:
        return TextShape(inputs=meta["tokens"]["size"], outputs=outputs, longest=meta["tokens"]["longest"])
    return TextShape(inputs=Vocabulary.restored(meta["vocabulary"]).size, outputs=outputs)


def _unseen(meta: Mapping[str, Any], source: str, machine: Machine, progress: Progress) -> Unseen:
    from firstlight.data.texts.unseen import read_unseen

    found = read_unseen(source, tuple(meta["text_columns"]), tuple(meta.get("id_columns", ())))
    return Unseen(
        total=len(found.ids) + len(found.left_out),
        portions=_portions(meta, found.ids, found.texts, found.left_out, machine),
        notes=found.notes,
        differences=_empty(found),
    )


def _empty(found: NewTexts) -> tuple[str, ...]:
    empty = [name for name, text in zip(found.ids, found.texts, strict=True) if not text.strip()]
    if not empty:
        return ()
    return (
        f"{count(len(empty), 'text')} without a word, such as {visible(empty[0])}: predicted all the same",
    )


def _portions(
    meta: Mapping[str, Any], ids: list[str], texts: list[str], left_out: list[str], machine: Machine
) -> Iterator[Portion]:
    encode = _encoder(meta)
    yield Portion([], None, left_out)
    for start in range(0, len(ids), PORTION):
        inputs = encode(texts[start : start + PORTION])
        yield Portion(ids[start : start + PORTION], inputs.to(machine.device), [])


def _encoder(meta: Mapping[str, Any]) -> Any:
    """Texts -> inputs of a batch, on the processor."""
    if "tokens" in meta:
        from firstlight.data.texts.tokens import Tokens, encode_tokens

        tokens = Tokens.restored(meta["tokens"])
        return lambda texts: padded(encode_tokens(texts, tokens))
    from firstlight.data.texts.ngrams import Vocabulary, encode

    vocabulary = Vocabulary.restored(meta["vocabulary"])
    return lambda texts: bag(encode(texts, vocabulary))


KIND = Kind(
    name="text",
    noun="text",
    profile=lambda data: profile(data.examples, data.split),
    fit=Fitted,
    pipeline=_pipeline,
    shape=_shape,
    views=lambda meta: only,
    unseen=_unseen,
)
