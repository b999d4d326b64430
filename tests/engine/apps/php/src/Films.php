<?php

namespace Cinema;

/** The films that are shown. */
final class Films
{
    public static function all(): array
    {
        return [['title' => 'Metropolis', 'minutes' => 153], ['title' => 'Amélie', 'minutes' => 122]];
    }
}
