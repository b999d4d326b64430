<?php return fn (array $films): string => implode(", ", array_column($films, "title"));
