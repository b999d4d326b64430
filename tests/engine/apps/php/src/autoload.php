<?php
// Classes of the namespace Cinema lie here, a file each.

spl_autoload_register(function (string $class): void {
    if (str_starts_with($class, 'Cinema\\')) {
        $file = __DIR__ . '/' . str_replace('\\', '/', substr($class, strlen('Cinema\\'))) . '.php';
        if (is_file($file)) {
            require $file;
        }
    }
});
