<table><?php foreach ($films as $film): ?><tr><td><?= $film["title"] ?><td><?= $film["minutes"] ?><?php endforeach ?></table>
