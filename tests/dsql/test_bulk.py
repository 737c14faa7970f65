from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorline.dsql import bulk
from moorline.dsql.bulk import Insert, Progress, inserting
from moorline.errors import CommitOutcomeUnknown, ConfigError, InsertStopped


class TooBigError(Exception):
    sqlstate = "54000"


def play(rows, *, columns=("a",), answer=None, batch_rows=10, skip=0, table="t"):
    """Perform the steps; `answer` may return an error for a batch."""
    batches, seen = [], []
    flow = inserting(
        table, columns, rows, batch_rows=batch_rows, skip=skip, progress=seen.append
    )
    try:
        step = flow.send(None)
        while True:
            error = answer(step) if answer else None
            if error is None:
                batches.append(step.rows)
                step = flow.send(None)
            else:
                step = flow.throw(error)
    except StopIteration as done:
        return done.value, batches, seen


@given(st.integers(0, 60), st.integers(1, 12), st.integers(0, 70))
def test_all_rows_are_inserted_once_and_in_order(count, batch_rows, skip):
    rows = [(number,) for number in range(count)]
    done, batches, seen = play(rows, batch_rows=batch_rows, skip=skip)
    assert [row for batch in batches for row in batch] == rows[skip:]
    assert all(1 <= len(batch) <= batch_rows for batch in batches)
    assert done == skip + len(rows[skip:])
    assert [one.batches for one in seen] == list(range(1, len(batches) + 1))
    assert not seen or seen[-1].rows == done


@given(st.lists(st.integers(0, 50), max_size=40))
def test_no_batch_holds_more_bytes_than_a_transaction_may(lengths):
    rows = [("x" * length,) for length in lengths]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bulk, "MOST_BYTES", 60)
        _, batches, _ = play(rows, batch_rows=100)
    assert [row for batch in batches for row in batch] == rows
    for batch in batches:
        assert len(batch) == 1 or sum(len(text) for (text,) in batch) <= 60


@pytest.mark.parametrize(
    ("value", "bytes_"),
    [("ab", 2), ("é", 2), (b"abc", 3), (1.5, 8), (None, 8), ({"k": "v" * 100}, 108)],
)
def test_what_a_value_weighs(value, bytes_):
    assert bulk._weight(value) >= bytes_


def test_a_batch_that_is_too_big_is_halved_until_it_fits():
    rows = [(number,) for number in range(10)]
    limit = 3
    done, batches, seen = play(
        rows, answer=lambda step: TooBigError() if len(step.rows) > limit else None
    )
    assert [row for batch in batches for row in batch] == rows
    assert done == 10
    assert seen[0] == Progress(2, 1)


def test_a_row_that_is_too_big_alone_stops_the_insertion():
    with pytest.raises(
        InsertStopped, match=r"(?s)0 rows are in the table; the next 1 "
    ):
        play([(1,)], answer=lambda _: TooBigError())


def test_an_error_tells_from_where_to_go_on():
    rows = [(number,) for number in range(25)]

    def answer(step):
        return LookupError("no") if (12,) in step.rows else None

    with pytest.raises(
        InsertStopped, match=r"(?s)are not in the table.*skip=10"
    ) as err:
        play(rows, answer=answer)
    assert (err.value.done, err.value.failed) == (10, 10)
    assert isinstance(err.value.__cause__, LookupError)
    _, batches, _ = play(rows, skip=err.value.done)
    assert batches[0][0] == (10,)


def test_an_outcome_that_nobody_knows_is_told_as_such():
    with pytest.raises(InsertStopped, match="may be in the table or not"):
        play([(1,)], answer=lambda _: CommitOutcomeUnknown("lost"))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"batch_rows": 0}, "write 1 to 2999"),
        ({"batch_rows": 3000}, "write 1 to 2999"),
        ({"columns": ()}, "name one at least"),
        ({"columns": ("a", "")}, "is no name"),
        ({"table": "a."}, "is no name"),
        ({"table": "a\0"}, "is no name"),
        ({"columns": ("a", "b")}, "a row has 1 values for 2 columns"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_sent(changes, text):
    with pytest.raises(ConfigError, match=text):
        play([(1,)], answer=lambda _: pytest.fail("it was sent"), **changes)


def test_the_statement_takes_names_letter_by_letter():
    step = Insert('"s"."T"', ('"a"', '"50%"'), ())
    assert step.sql(numbered=True) == (
        'insert into "s"."T" ("a", "50%") values ($1, $2)'
    )
    assert step.sql(numbered=False) == (
        'insert into "s"."T" ("a", "50%%") values (%s, %s)'
    )
    assert bulk.quoted('a"b') == '"a""b"'
