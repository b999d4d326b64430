<?php
// A cinema's site. Its front page needs little; each of its other pages needs something of its own.

declare(strict_types=1);

use Cinema\Export\Csv;
use Cinema\Films;

if (is_file(__DIR__ . parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH))) {
    return false; // static files are served as they are
}

require __DIR__ . '/../src/autoload.php';

$path = trim(parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH), '/');
[$page, $argument] = explode('/', "$path/", 3) + ['', ''];

function page(string $view, array $data = [], int $status = 200): void
{
    http_response_code($status);
    extract($data);
    require __DIR__ . "/../views/$view.php";
}

function twig(): Twig\Environment
{
    require_once 'Twig/autoload.php';
    return new Twig\Environment(new Twig\Loader\FilesystemLoader(__DIR__ . '/../views'));
}

function text(string $body, string $type = 'text/plain; charset=utf-8'): void
{
    header("Content-Type: $type");
    echo $body;
}

try {
    switch ($page) {
        case '':
            page('front', ['films' => Films::all()]);
            break;
        case 'films':
            page('film', ['film' => Films::all()[(int) $argument - 1]]);
            break;
        case 'report':
            page('report', ['films' => Films::all()]);
            break;
        case 'programme':
            echo twig()->render('programme.twig', ['films' => Films::all()]);
            break;
        case 'export.csv':
            text(Csv::of(Films::all()), 'text/csv');
            break;
        case 'export':
            $class = 'Cinema\\Export\\' . ucfirst($argument);
            text($class::of(Films::all()));
            break;
        case 'search':
            $database = new PDO('sqlite::memory:');
            foreach (glob(__DIR__ . '/../migrations/*.sql') as $migration) {
                $database->exec(file_get_contents($migration));
            }
            text(implode(', ', $database->query('SELECT title FROM film ORDER BY title')->fetchAll(PDO::FETCH_COLUMN)));
            break;
        case 'download':
            text(gzdeflate(json_encode(Films::all())), 'application/octet-stream');
            break;
        case 'charset':
            text(bin2hex(mb_convert_encoding('Amélie', $argument, 'UTF-8')));
            break;
        case 'iconv':
            text(bin2hex(iconv('UTF-8', $argument, 'Amélie')));
            break;
        case 'time':
            $zone = new DateTimeZone(str_replace('-', '/', $argument));
            text((new DateTime('2024-07-01 12:00 UTC'))->setTimezone($zone)->format('H:i T'));
            break;
        case 'price':
            text((new NumberFormatter($argument, NumberFormatter::CURRENCY))->formatCurrency(9.5, 'EUR'));
            break;
        case 'poster':
            $image = imagecreatetruecolor(8, 8);
            imagefill($image, 0, 0, 0xcc8800);
            header("Content-Type: image/$argument");
            "image$argument"($image);
            break;
        case 'words':
            text(shell_exec("printf 'b\\na\\n' | sort"));
            break;
        case 'names':
            text(gethostbyname('localhost') . ' ' . posix_getpwuid(posix_getuid())['name']);
            break;
        case 'digest':
            text(hash('sha3-256', 'Amélie') . openssl_digest('Amélie', 'sha512-256'));
            break;
        case 'tls':
            $bundle = file_get_contents(openssl_get_cert_locations()['default_cert_file']);
            text(substr_count($bundle, 'BEGIN CERTIFICATE') > 50 ? 'certified' : 'alone');
            break;
        case 'plugin':
            $show = require __DIR__ . '/../plugins/' . basename($argument) . '.php';
            text($show(Films::all()));
            break;
        case 'hello':
            text(json_decode(file_get_contents(__DIR__ . "/../locales/$argument.json"))->hello);
            break;
        case 'crash':
            throw new RuntimeException('the film is torn');
        default:
            page('missing', [], 404);
    }
} catch (Throwable $error) {
    page('broken', [], 500);
}
