from __future__ import annotations

from support.stored import configured


def test_the_images_of_a_config_are_in_linuxkit_s_order() -> None:
    config = configured(
        """
        services: [{name: s, image: 'five:1'}, {name: t, image: 'five:1'}]
        onboot: [{name: o, image: 'four:1'}]
        volumes: [{name: a}, {name: b, image: 'three:1'}, {name: c, image: 'left-out:1', format: oci}]
        init: ['two:1']
        kernel: {image: 'one:1', cmdline: console=ttyS0}
        """
    )
    assert [image.text for image in config.images] == ["one:1", "two:1", "three:1", "four:1", "five:1", "five:1"]


def test_a_config_without_images_has_none() -> None:
    assert configured("{}").images == ()
