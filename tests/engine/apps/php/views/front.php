<?php require __DIR__ . "/parts/head.php" ?><h1><?= count($films) ?> films</h1>
