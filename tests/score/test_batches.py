import numpy as np

from sentfeat.score.batches import fill_batch, plan_batches


def test_each_prompt_is_in_one_batch_and_shapes_follow_length_alone():
    lengths = np.array([3, 4, 5, 9, 4, 1])
    batches = list(plan_batches(lengths, lambda width: 8 // width))
    assert [(batch.members.tolist(), batch.rows, batch.width) for batch in batches] == [
        ([0, 1], 2, 4),
        ([4, 5], 2, 4),
        ([2], 1, 8),
        ([3], 1, 12),
    ]


def test_empty_prompts_are_in_no_batch():
    assert list(plan_batches(np.array([0, 0]), lambda width: 8 // width)) == []


def test_rows_are_filled_on_the_right_and_below():
    (batch,) = plan_batches(np.array([2, 3]), lambda width: 12 // width)
    ids, last = fill_batch([[7, 8], [4, 5, 6]], batch, filler=9)
    assert ids.tolist() == [[7, 8, 9, 9], [4, 5, 6, 9], [9, 9, 9, 9]]
    assert last.tolist() == [1, 2, 0]


def test_prompts_that_belong_together_come_side_by_side():
    (batch,) = plan_batches(np.array([3, 4, 3, 4]), lambda width: 4, together=np.array([2, 1, 2, 1]))
    assert batch.members.tolist() == [1, 3, 0, 2]
