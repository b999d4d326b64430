<?php
namespace App\Command;
use Symfony\Component\Console\{Command\Command, Input\InputInterface, Output\OutputInterface, Helper\Table, Helper\ProgressBar};
class StockCommand extends Command { protected static $defaultName = 'app:stock';
  protected function execute(InputInterface $i, OutputInterface $o): int { (new Table($o))->setHeaders(['a'])->setRows([[1]])->render(); $o->writeln('stock'); return 0; } }
