<?php return fn (array $films): string => (string) max(array_column($films, "minutes"));
