import numpy as np
import pytest
import tensorflow as tf

from pix2pix_tf.training.optimizers import Adam, triangular


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
    assert adam.apply([tf.constant([np.inf])]).numpy() == 0.0
    assert variable.numpy() == [1.0]
    assert float(adam.loss_scale) == before / 2
    assert int(adam.steps) == 0


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("spoilt", [np.nan, np.inf, -np.inf])
def test_a_gradient_that_is_not_finite_returns_nan(spoilt, compiled):
    variables = [tf.Variable([1.0, 2.0]), tf.Variable([[3.0]])]
    adam = Adam(variables, 0.1, 0.5, global_clipnorm=1.0)
    step = tf.function(adam.apply) if compiled else adam.apply
    assert step([tf.constant([3e38, 3e30]), tf.constant([[0.0]])]).numpy() == 0.0
    assert np.isnan(step([tf.constant([1.0, 0.0]), tf.constant([[spoilt]])]).numpy())


def test_an_overflow_at_the_smallest_scale_returns_nan():
    adam = Adam([tf.Variable([1.0])], 0.1, 0.5, scale_loss=True)
    returned = [float(adam.apply([tf.constant([np.nan])])) for _ in range(16)]
    np.testing.assert_array_equal(returned, [0.0] * 15 + [np.nan])  # from 2 ** 15 down to 1


def test_a_checkpoint_holds_all_of_it(tmp_path):
    variables = [tf.Variable([1.0, 2.0]), tf.Variable([1.0, 2.0])]
    first, second = (Adam([v], 0.1, 0.5) for v in variables)
    first.apply([tf.constant([1.0, -1.0])])
    path = tf.train.Checkpoint(adam=first, v=variables[0]).save(str(tmp_path / "c"))
    tf.train.Checkpoint(adam=second, v=variables[1]).restore(path).assert_existing_objects_matched()
    for adam in (first, second):
        adam.apply([tf.constant([0.5, 0.5])])
    np.testing.assert_array_equal(*variables)


def test_the_triangular_rate_by_hand():
    rates = [float(triangular(tf.constant(step, tf.int64), 1.0, 5.0, 4)) for step in (0, 1, 4, 6, 8, 9)]
    assert rates == [1, 2, 5, 3, 1, 2]


@pytest.mark.parametrize("scale_loss", [False, True])
def test_the_gradient_of_all_variables_together_is_cut_to_a_length(scale_loss):
    # 30 and 40 are 50 long; cut to 5 they are 3 and 4. Adam's second moment shows the gradient after clipping.
    variables = [tf.Variable([1.0]), tf.Variable([1.0])]
    adam = Adam(variables, 0.1, 0.5, beta_2=0.5, scale_loss=scale_loss, global_clipnorm=5.0)
    adam.apply([g * adam.loss_scale for g in (tf.constant([30.0]), tf.constant([40.0]))])
    np.testing.assert_allclose(tf.concat(adam.second_moments, 0), [0.5 * 9, 0.5 * 16], rtol=1e-5)
    adam.apply([g * adam.loss_scale for g in (tf.constant([0.3]), tf.constant([0.4]))])  # short enough
    np.testing.assert_allclose(tf.concat(adam.first_moments, 0), [0.5 * 1.5 + 0.15, 0.5 * 2 + 0.2], rtol=1e-5)
