import numpy as np
import pytest
import tensorflow as tf

from pix2pix_tf.optimizers import Adam


def test_it_is_keras_adam(rng):
    start = rng.normal(size=(3, 4)).astype(np.float32)
    ours, theirs = tf.Variable(start), tf.Variable(start)
    adam, keras = Adam([ours], 0.01, 0.5), tf.keras.optimizers.Adam(0.01, beta_1=0.5)
    for _ in range(20):
        gradient = tf.constant(rng.normal(size=(3, 4)), tf.float32)
        adam.apply([gradient])
        keras.apply_gradients([(gradient, theirs)])
    np.testing.assert_allclose(ours, theirs, atol=1e-5)  # a thousandth of a step


def test_the_first_step_by_hand():
    # At the first step both moments are corrected to g and g * g: the step is the learning rate against g's sign.
    variable = tf.Variable([1.0, 1.0])
    Adam([variable], 0.1, 0.5).apply([tf.constant([3.0, -0.5])])
    np.testing.assert_allclose(variable, [0.9, 1.1], atol=1e-4)


@pytest.mark.parametrize("compiled", [False, True])
def test_a_scaled_loss_gives_the_same_step(compiled):
    plain, scaled = tf.Variable([1.0, 2.0]), tf.Variable([1.0, 2.0])
    for variable, adam in ((plain, Adam([plain], 0.1, 0.5)), (scaled, Adam([scaled], 0.1, 0.5, scale_loss=True))):

        def step(variable=variable, adam=adam):
            with tf.GradientTape() as tape:
                loss = adam.scaled(tf.reduce_sum(variable**2))
            adam.apply(tape.gradient(loss, [variable]))

        step = tf.function(step) if compiled else step
        step(), step()
    np.testing.assert_allclose(scaled, plain, atol=1e-6)


def test_an_overflow_is_left_out_and_halves_the_scale():
    variable = tf.Variable([1.0])
    adam = Adam([variable], 0.1, 0.5, scale_loss=True)
    before = float(adam.loss_scale)
    adam.apply([tf.constant([np.inf])])
    assert variable.numpy() == [1.0]
    assert float(adam.loss_scale) == before / 2
    assert int(adam.steps) == 0


def test_a_checkpoint_holds_all_of_it(tmp_path):
    variables = [tf.Variable([1.0, 2.0]), tf.Variable([1.0, 2.0])]
    first, second = (Adam([v], 0.1, 0.5) for v in variables)
    first.apply([tf.constant([1.0, -1.0])])
    path = tf.train.Checkpoint(adam=first, v=variables[0]).save(str(tmp_path / "c"))
    tf.train.Checkpoint(adam=second, v=variables[1]).restore(path).assert_existing_objects_matched()
    for adam in (first, second):
        adam.apply([tf.constant([0.5, 0.5])])
    np.testing.assert_array_equal(*variables)
