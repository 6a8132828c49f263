"""The adversarial network: shapes, losses in closed form, who learns from what, and that it learns."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nets
from generative.errors import SettingError
from generative.gan import objective as adversarial
from generative.gan.model import GAN
from generative.gan.objective import frozen
from generative.image_model import load, save
from generative.measures.classifier import classify
from generative.recipe import Recipe
from generative.recipes.gan import RECIPES
from generative.training import OBJECTIVES, train
from nets import models
from nets.data import LabelledImages, glyphs
from nets.training import CHECKPOINT_NAME

LOSSES = list(adversarial.GENERATOR_LOSSES)
SMALL = {"latent": 8, "generator_widths": [8, 8], "discriminator_widths": [8, 8]}
TOY = Recipe(
    family="gan",
    name="toy",
    data="glyphs",
    model="gan",
    settings={**SMALL, "architecture": "dense"},
    steps=30,
    steps_per_epoch=10,
    batch_size=16,
    optimizer="adam",
    betas=(0.5, 0.999),
    weight_decay=0.0,
    schedule="constant",
    ema=0.9,
)


def build(size=16, classes="ABC", seed=0, **settings):
    nets.manual_seed(seed)
    return models.build("gan", size=size, classes=list(classes), **{**SMALL, **settings})


def batch(n=12, size=16, n_classes=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.random((n, 1, size, size), np.float32), rng.integers(n_classes, size=n), np.zeros(n, np.int64)


def letters(n=60, characters="ABC", size=16):
    return glyphs(n, generator=1, characters=characters, size=size)


def gradients(model, loss):
    """Lengths of the gradients of the parameters of G and of D, where there are any."""
    model.zero_grad()
    loss.backward()
    return [
        {name: float(np.linalg.norm(p.grad.numpy())) for name, p in side.named_parameters() if p.grad is not None}
        for side in (model.generator, model.discriminator)
    ]


# --- the model ---


@pytest.mark.parametrize("architecture", ["dense", "conv"])
@pytest.mark.parametrize("conditional", [True, False])
def test_images_have_the_size_of_the_data_and_logits_one_value_an_image(architecture, conditional):
    model = build(architecture=architecture, conditional=conditional)
    images, labels, _ = batch(5)

    drawn = model.generate(np.zeros((5, 8), np.float32), labels)

    assert isinstance(model, GAN)
    assert drawn.shape == (5, 1, 16, 16)
    assert model.discriminate(images, labels).shape == (5,)


@pytest.mark.parametrize("architecture", ["dense", "conv"])
@pytest.mark.parametrize("conditional", [True, False])
@pytest.mark.parametrize("norm", [True, False])
def test_parameters_are_counted_without_building_the_model(architecture, conditional, norm):
    widths = {"generator_widths": [6, 4, 3], "discriminator_widths": [2, 5]}
    options = {"conditional": conditional, "generator_norm": norm, "discriminator_norm": norm}
    model = build(architecture=architecture, **widths, **options)

    assert models.count_parameters(model.config) == sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("conditional", [True, False])
def test_the_class_matters_where_the_model_is_conditional(conditional):
    model, z = build(conditional=conditional), np.ones((2, 8), np.float32)
    images, _, _ = batch(2)

    one, other = model.decode(z, [0, 0]), model.decode(z, [1, 1])
    judged = [model.eval().discriminate(images, np.array([k, k])).numpy() for k in (0, 1)]

    assert np.array_equal(one, other) is not conditional
    assert np.array_equal(*judged) is not conditional


def test_the_same_seed_draws_the_same_images_and_leaves_the_mode_of_training():
    model = build()
    model.train()

    one, other = (model.sample([0, 1, 2], generator=np.random.default_rng(4)) for _ in range(2))

    assert one.dtype == np.float32
    assert one.shape == (3, 16, 16)
    assert one.min() >= 0
    assert one.max() <= 1
    assert np.array_equal(one, other)
    assert not np.array_equal(one, model.sample([0, 1, 2], generator=np.random.default_rng(5)))
    assert all(module.training for module in model.modules())


def test_a_sample_is_what_the_noise_of_its_generator_decodes_to():
    model, labels = build(), [2, 1]

    noise = np.random.default_rng(6).standard_normal((2, 8), np.float32)

    np.testing.assert_array_equal(model.sample(labels, generator=np.random.default_rng(6)), model.decode(noise, labels))


def test_no_labels_are_no_images():
    assert build().sample([], generator=np.random.default_rng(0)).shape == (0, 16, 16)


def test_a_saved_model_draws_the_same_images(tmp_path):
    model = build()
    save(model, tmp_path)

    twin = load(tmp_path)

    drawn = [m.sample([0, 1], generator=np.random.default_rng(0)) for m in (model, twin)]
    np.testing.assert_array_equal(*drawn)
    assert twin.classes == ("A", "B", "C")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"architecture": "vit"}, "architecture must be one of dense, conv, got 'vit'"),
        ({"size": 18}, "size must be a multiple of 4"),
        ({"generator_widths": []}, "generator_widths must be 1 to 8 ints"),
        ({"discriminator_widths": [4, 0]}, "discriminator_widths must be 1 to 8 ints"),
        ({"latent": 0}, "latent, size and the number of classes"),
        ({"dropout": 1.0}, r"dropout must be in \[0, 1\), got 1.0"),
    ],
)
def test_settings_that_break_a_rule_are_named(settings, message):
    with pytest.raises(SettingError, match=message):
        build(**settings)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.sample([3], generator=np.random.default_rng(0)), "labels must be in 0..2"),
        (lambda m: m.sample([0], generator=np.random.default_rng(0), case=[3]), "case must be in 0..2"),
        (lambda m: m.sample([0], generator=np.random.default_rng(0), case=[1, 1]), "case must have one value a label"),
        (lambda m: m.decode(np.zeros((1, 7)), [0]), r"z must have the shape \(1, 8\), got \(1, 7\)"),
    ],
)
def test_arguments_that_break_a_rule_are_named(call, message):
    with pytest.raises(SettingError, match=message):
        call(build())


# --- the losses ---


@pytest.mark.parametrize("loss", ["minimax", "non_saturating"])
def test_a_discriminator_that_cannot_tell_loses_log_4(loss):
    zero = nets.Tensor(np.zeros(5))

    assert adversarial.DISCRIMINATOR_LOSSES[loss](zero, zero, 0.0).item() == pytest.approx(np.log(4))


def test_the_equilibrium_of_the_other_losses():
    zero, half = nets.Tensor(np.zeros(5)), nets.Tensor(np.full(5, 0.5))

    assert adversarial.DISCRIMINATOR_LOSSES["hinge"](zero, zero, 0.0).item() == 2
    assert adversarial.DISCRIMINATOR_LOSSES["least_squares"](half, half, 0.0).item() == 0.25
    assert adversarial.GENERATOR_LOSSES["minimax"](zero).item() == pytest.approx(-np.log(2))
    assert adversarial.GENERATOR_LOSSES["non_saturating"](zero).item() == pytest.approx(np.log(2))


@given(st.floats(-20, 20), st.floats(-20, 20), st.floats(0, 0.5))
def test_the_logistic_losses_are_cross_entropies(real, fake, smoothing):
    r, f = nets.Tensor(np.array([real])), nets.Tensor(np.array([fake]))
    entropy = nets.functional.binary_cross_entropy_with_logits

    d_loss = adversarial.DISCRIMINATOR_LOSSES["non_saturating"](r, f, smoothing).item()

    expected = entropy(r, np.array([1 - smoothing])) + entropy(f, np.zeros(1))
    assert d_loss == pytest.approx(expected.item(), abs=1e-9)
    assert adversarial.GENERATOR_LOSSES["non_saturating"](f).item() == pytest.approx(
        entropy(f, np.ones(1)).item(), abs=1e-9
    )


@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_of_the_losses_are_right(loss):
    rng = np.random.default_rng(0)
    real, fake = rng.standard_normal(6), rng.standard_normal(6)

    nets.testing.check_grads(lambda r, f: adversarial.DISCRIMINATOR_LOSSES[loss](r, f, 0.1), real, fake)
    nets.testing.check_grads(adversarial.GENERATOR_LOSSES[loss], fake)


@pytest.mark.parametrize("loss", LOSSES)
def test_the_signal_is_what_the_generator_gets_for_a_logit(loss):
    fake = np.random.default_rng(0).standard_normal(6)
    logits = nets.Tensor(fake, requires_grad=True)
    adversarial.GENERATOR_LOSSES[loss](logits).backward()

    np.testing.assert_allclose(adversarial.SIGNALS[loss](fake), 6 * np.abs(logits.grad.numpy()))


def test_the_minimax_signal_vanishes_where_the_discriminator_is_sure_and_the_other_one_does_not():
    sure = np.array([-20.0])

    assert adversarial.SIGNALS["minimax"](sure) < 1e-8
    assert adversarial.SIGNALS["non_saturating"](sure) > 1 - 1e-8


def test_r1_estimates_the_squared_slope_of_a_linear_discriminator():
    """D(x) = w . (2 x - 1) has the slope 2 w everywhere."""
    model = build(architecture="dense", conditional=False, dropout=0.0, discriminator_norm=False)
    weight = np.random.default_rng(1).standard_normal((1, 256)).astype(np.float32) / 16
    linear = nets.Linear(256, 1)
    linear.weight.data = weight
    model.discriminator = nets.Sequential(nets.Flatten(), linear)
    images, labels, _ = batch(4000)
    nets.manual_seed(0)

    penalty = adversarial.r1_penalty(model, images, labels, model.discriminate(images, labels)).item()

    # The mean of 4,000 chi-squared variables has a standard deviation of sqrt(2 / 4000) = 2.2 %.
    assert penalty == pytest.approx(float((4 * weight**2).sum()), rel=0.08)


def test_r1_measures_the_slope_not_the_noise_on_the_images(monkeypatch):
    """Where D sees x + n, its finite difference is that of x + n + h v and x + n, with the same n."""
    model = build(architecture="dense", conditional=False, dropout=0.0, discriminator_norm=False)
    seen = []
    discriminate = type(model).discriminate

    def watched(self, images, labels):
        seen.append(np.array(images.numpy()))
        return discriminate(self, images, labels)

    monkeypatch.setattr(type(model), "discriminate", watched)
    nets.manual_seed(0)

    adversarial.adversarial(noise=5.0, r1=1.0)(model, batch(50))

    real, _, _, moved = seen
    assert np.std(real - batch(50)[0]) > 4
    assert np.std(moved - real) == pytest.approx(adversarial.STEP, rel=0.1)


def test_r1_is_refused_where_dropout_would_be_measured():
    model = build(architecture="dense", dropout=0.2)

    with pytest.raises(SettingError, match="r1 must be 0 where the discriminator has dropout, got 1"):
        adversarial.adversarial(r1=1.0)(model, batch())


# --- who learns from what ---


@pytest.mark.parametrize("architecture", ["dense", "conv"])
@pytest.mark.parametrize("loss", LOSSES)
def test_the_loss_of_each_side_reaches_that_side_only(architecture, loss, monkeypatch):
    model, objective = build(architecture=architecture), adversarial.adversarial(loss=loss)
    both = dict.fromkeys("dg")
    for side, mute in (("d", adversarial.GENERATOR_LOSSES), ("g", adversarial.DISCRIMINATOR_LOSSES)):
        with monkeypatch.context() as patch:
            patch.setitem(mute, loss, lambda *_: nets.Tensor(0.0))
            nets.manual_seed(0)
            both[side] = gradients(model, adversarial.adversarial(loss=loss)(model, batch())[0])
    nets.manual_seed(0)

    together = gradients(model, objective(model, batch())[0])

    (g_of_d, d_of_d), (g_of_g, d_of_g) = both["d"], both["g"]
    assert g_of_d == {}
    assert d_of_g == {}
    assert d_of_d.keys() == dict(model.discriminator.named_parameters()).keys()
    assert g_of_g.keys() == dict(model.generator.named_parameters()).keys()
    assert together == [g_of_g, d_of_d]


def test_gradients_pass_through_a_frozen_module_as_through_a_free_one():
    layer, x = nets.Linear(3, 2), nets.Tensor(np.ones((4, 3), np.float32), requires_grad=True)
    layer(x).sum().backward()
    through, _ = x.grad.numpy().copy(), x.zero_grad()
    layer.zero_grad()

    with frozen(layer):
        loss = layer(x).sum()
    loss.backward()

    np.testing.assert_array_equal(x.grad.numpy(), through)
    assert layer.weight.grad is None
    assert [name for name, _ in layer.named_parameters()] == ["weight", "bias"]


def test_a_frozen_module_is_free_again_after_an_error():
    layer = nets.Linear(3, 2)

    with pytest.raises(ValueError, match="stop"), frozen(layer):
        raise ValueError("stop")

    assert len(list(layer.parameters())) == 2


@pytest.mark.parametrize(
    ("every", "idle"), [("discriminator_every", "discriminator"), ("generator_every", "generator")]
)
def test_a_side_may_learn_in_some_steps_only(every, idle):
    model, objective = build(), adversarial.adversarial(**{every: 3})
    learned = []
    for _ in range(6):
        loss, metrics = objective(model, batch())
        side = 0 if idle == "generator" else 1
        learned.append(bool(gradients(model, loss)[side]))
        assert metrics["d_loss"] > 0

    assert learned == [True, False, False] * 2


def test_steps_are_not_counted_in_use():
    model = build().eval()

    adversarial.adversarial()(model, batch())

    assert model.steps.item() == 0


def test_metrics_say_how_often_the_discriminator_is_right(monkeypatch):
    model = build()
    values = iter([np.array([1.0, 2.0, -1.0, 3.0]), np.array([-1.0, 1.0, -2.0, -3.0]), np.zeros(4)])
    monkeypatch.setattr(GAN, "discriminate", lambda *_: nets.Tensor(next(values), requires_grad=True))

    _, metrics = adversarial.adversarial()(model, batch(4))

    assert metrics["d_real"] == 0.75
    assert metrics["d_fake"] == 0.75
    assert metrics["g_signal"] == 0.5


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"loss": "wasserstein"}, "loss must be one of minimax, non_saturating, hinge, least_squares"),
        ({"label_smoothing": 1.0}, r"label_smoothing must be in \[0, 1\)"),
        ({"noise": -1.0}, "noise and r1 must not be negative"),
        ({"noise": float("nan")}, "noise and r1 must not be negative"),
        ({"discriminator_every": 2, "generator_every": 2}, "one side must learn in every step"),
        ({"discriminator_every": 0}, "one side must learn in every step"),
    ],
)
def test_objectives_that_break_a_rule_are_refused(settings, message):
    with pytest.raises(SettingError, match=message):
        adversarial.adversarial(**settings)


# --- training ---


def weights(model):
    return model.state_dict()


def same(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


class StopAfter:
    """Says stop when asked for the n-th time."""

    def __init__(self, n):
        self.left = n

    def __call__(self):
        self.left -= 1
        return self.left == 0


@pytest.mark.parametrize("architecture", ["dense", "conv"])
def test_the_same_seed_gives_the_same_weights_and_an_interrupted_run_too(architecture, tmp_path):
    recipe = replace(
        TOY,
        settings={**SMALL, "architecture": architecture, "dropout": 0.2},
        objective={"noise": 0.1, "discriminator_every": 2},
    )
    whole, again = (train(recipe, letters(), 3, folder=tmp_path / name) for name in ("whole", "again"))
    other = train(recipe, letters(), 4, folder=tmp_path / "other")

    assert train(recipe, letters(), 3, folder=tmp_path / "cut", should_stop=StopAfter(13)) is None
    resumed = train(recipe, letters(), 3, folder=tmp_path / "cut", resume=True)

    assert (tmp_path / "cut" / CHECKPOINT_NAME).exists()
    assert same(weights(whole), weights(again))
    assert same(weights(whole), weights(resumed))
    assert not same(weights(whole), weights(other))


def test_it_learns_where_the_ink_is(tmp_path):
    """Two classes of images, ink left or right: a toy mixture with two modes and some noise."""
    rng = np.random.default_rng(0)
    labels = (np.arange(200) % 2).astype(np.uint8)
    images = np.zeros((200, 8, 8), np.uint8)
    images[labels == 0, :, :4] = 220
    images[labels == 1, :, 4:] = 220
    images += rng.integers(30, size=images.shape, dtype=np.uint8)
    data = LabelledImages(images=images, labels=labels, classes=("left", "right"))
    recipe = replace(
        TOY,
        steps=600,
        steps_per_epoch=200,
        lr=2e-3,
        settings={**SMALL, "architecture": "dense", "generator_widths": [32], "discriminator_widths": [32]},
    )

    model = train(recipe, data, 0, folder=tmp_path)
    drawn = model.sample(np.arange(200) % 2, generator=np.random.default_rng(1))

    side = drawn[:, :, :4].mean((1, 2)) - drawn[:, :, 4:].mean((1, 2))
    assert (side[::2] > 0.5).all()
    assert (side[1::2] < -0.5).all()


def test_without_classes_it_finds_both_modes(tmp_path):
    labels = (np.arange(200) % 2).astype(np.uint8)
    images = np.where(labels[:, None, None] == 0, 40, 215) + np.random.default_rng(0).integers(40, size=(200, 4, 4))
    data = LabelledImages(images=images.astype(np.uint8), labels=labels, classes=("dark", "light"))
    settings = {"architecture": "dense", "conditional": False, "latent": 4, "generator_norm": True}
    widths = {"generator_widths": [32, 32], "discriminator_widths": [32, 32], "discriminator_norm": False}
    recipe = replace(TOY, steps=600, steps_per_epoch=200, batch_size=32, lr=1e-3, settings={**settings, **widths})

    model = train(recipe, data, 0, folder=tmp_path)
    mean = model.sample(np.zeros(1000, int), generator=np.random.default_rng(1)).mean((1, 2))

    assert 0.2 < (mean < 0.35).mean() < 0.8
    assert 0.2 < (mean > 0.65).mean() < 0.8


def test_every_recipe_builds_and_takes_a_step():
    for recipe in RECIPES:
        model = build(size=28, **recipe.settings)
        loss, metrics = OBJECTIVES[recipe.model](**recipe.objective)(model, batch(4, 28))
        assert loss.requires_grad
        assert {"d_loss", "g_loss", "d_real", "d_fake"} <= metrics.keys()
        assert Recipe.from_dict(recipe.__dict__) == recipe


@pytest.mark.slow
def test_a_short_training_on_letters_draws_the_letters_that_were_asked(tmp_path):
    data = glyphs(4000, generator=0, characters="ABCD", size=28)
    nets.manual_seed(0)
    reader = models.build("mlp", n_classes=4, hidden=[64])
    images = nets.data.as_float(data.images)
    loader = nets.data.DataLoader(images, data.labels, batch_size=100, shuffle=True, generator=0)
    optimizer = nets.optim.Adam(reader.parameters(), lr=2e-3)
    nets.training.Trainer(reader, optimizer, loader, nets.evaluation.classification()).fit(5)
    recipe = replace(RECIPES[0], steps=1000, steps_per_epoch=500, ema=0.99)

    model = train(recipe, data, 0, folder=tmp_path)
    labels = np.arange(400) % 4

    guesses = classify(reader, model.sample(labels, generator=np.random.default_rng(1)))
    assert (guesses == labels).mean() > 0.8
