import time

import numpy as np

from workbench.data.sample import make_sample


def test_ten_classes_with_as_many_images_of_each() -> None:
    sample = make_sample()
    assert sample.train_images.shape == (2000, 32, 32, 3)
    assert sample.test_images.shape == (500, 32, 32, 3)
    assert sample.train_images.dtype == sample.test_images.dtype == np.uint8
    assert np.bincount(sample.train_labels).tolist() == [200] * 10
    assert np.bincount(sample.test_labels).tolist() == [50] * 10
    assert len(set(sample.classes)) == 10
    assert (sample.name, sample.comparable) == ("sample", False)


def test_the_same_every_time_whatever_was_drawn_before() -> None:
    first = make_sample()
    np.random.seed(1)
    np.random.rand(100)
    second = make_sample()
    assert np.array_equal(first.train_images, second.train_images)
    assert np.array_equal(first.test_images, second.test_images)


def test_no_test_image_is_a_training_image() -> None:
    sample = make_sample()
    train = {image.tobytes() for image in sample.train_images}
    assert len(train) == 2000
    assert not train & {image.tobytes() for image in sample.test_images}


def test_a_figure_has_the_color_of_its_name() -> None:
    sample = make_sample()
    means = {
        name: sample.train_images[sample.train_labels == label].mean(axis=(0, 1, 2))
        for label, name in enumerate(sample.classes)
    }
    assert means["red disc"].argmax() == 0
    assert means["green cross"].argmax() == 1
    assert means["blue disc"].argmax() == 2


def test_is_made_in_about_a_second() -> None:
    # 0.3 s on an idle machine; processor time, so that other programs do not count
    start = time.process_time()
    make_sample()
    assert time.process_time() - start < 1.5
