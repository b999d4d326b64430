<?php require __DIR__ . "/parts/head.php" ?><h1><?= htmlspecialchars($film["title"]) ?></h1><p><?= $film["minutes"] ?> minutes</p>
