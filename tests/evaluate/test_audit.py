from sentfeat.evaluate.audit import audit

TRAIN = ["Globex recalls 300 pumps in Norway after a fault", "Acme opens a plant in Ohio for new batteries"]


def test_an_injected_copy_and_an_injected_twin_are_found():
    found = audit(
        TRAIN,
        [
            "GLOBEX recalls 300 pumps in Norway after a fault .",
            "Globex recalls 45 pumps in Norway after a fault",
            "Else",
        ],
    )
    assert (found["exact"], found["near"], found["train"], found["test"]) == (1, 2, 2, 3)
    assert found["examples"][1] == {"test": "Globex recalls 45 pumps in Norway after a fault", "train": TRAIN[0]}


def test_without_training_rows_the_audit_says_that_it_could_not_look():
    assert audit([], ["x"])["near"] is None
