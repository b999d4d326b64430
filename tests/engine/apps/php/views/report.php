<?php require __DIR__ . "/parts/head.php" ?><h1>Report</h1><?php require __DIR__ . "/parts/table.php" ?>
