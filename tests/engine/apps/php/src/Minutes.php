<?php

namespace Cinema;

/** Lengths of films. */
final class Minutes
{
    public static function clock(int $minutes): string
    {
        return sprintf('%d:%02d', intdiv($minutes, 60), $minutes % 60);
    }
}
