import numpy as np

from sentfeat.score.batches import Batch, Shapes, fill_batch, plan_batches

FIXED = Shapes(budget=8, step=4, fixed=True)
GROWING = Shapes(budget=256, step=16, fixed=False)


def plan(shapes, lengths, **options):
    return list(plan_batches(shapes.widths(np.array(lengths)), shapes.rows, **options))


def test_each_prompt_is_in_one_batch_and_shapes_follow_length_alone():
    assert [(batch.members.tolist(), batch.rows, batch.width) for batch in plan(FIXED, [3, 4, 5, 9, 4, 1])] == [
        ([0, 1], 2, 4),
        ([4, 5], 2, 4),
        ([2], 1, 8),
        ([3], 1, 12),
    ]


def test_where_shapes_grow_a_few_prompts_make_a_small_batch_and_many_fill_the_budget():
    assert [(len(batch.members), batch.rows, batch.width) for batch in plan(GROWING, [9] * 19 + [40] * 3)] == [
        (16, 16, 16),
        (3, 4, 16),
        (3, 4, 48),
    ]


def test_a_budget_that_shrinks_on_the_way_shapes_the_batches_that_follow():
    rows = iter([4, 2, 1])
    batches = plan_batches(np.array([4] * 7), lambda width, count: next(rows))
    assert [batch.members.tolist() for batch in batches] == [[0, 1, 2, 3], [4, 5], [6]]


def test_halves_hold_the_same_prompts_in_half_the_rows():
    halves = Batch(np.arange(5), rows=8, width=4).halves()
    assert [(half.members.tolist(), half.rows) for half in halves] == [([0, 1, 2, 3], 4), ([4], 4)]
    assert [half.rows for half in Batch(np.arange(2), rows=8, width=4).halves()] == [4]


def test_empty_prompts_are_in_no_batch():
    assert plan(FIXED, [0, 0]) == []


def test_rows_are_filled_on_the_right_and_below():
    (batch,) = plan(Shapes(budget=12, step=4, fixed=True), [2, 3])
    ids, last = fill_batch([[7, 8], [4, 5, 6]], batch, filler=9)
    assert ids.tolist() == [[7, 8, 9, 9], [4, 5, 6, 9], [9, 9, 9, 9]]
    assert last.tolist() == [1, 2, 0]


def test_prompts_that_belong_together_come_side_by_side():
    shapes = Shapes(budget=16, step=4, fixed=True)
    (batch,) = plan(shapes, [3, 4, 3, 4], together=np.array([2, 1, 2, 1]))
    assert batch.members.tolist() == [1, 3, 0, 2]
