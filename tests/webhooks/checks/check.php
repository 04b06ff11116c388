<?php

// Reads calls, one a line, and says what verify.php thinks of each.

require __DIR__ . '/verify.php';

const NAMES = ['HTTP_WEBHOOK_ID', 'HTTP_WEBHOOK_TIMESTAMP', 'HTTP_WEBHOOK_SIGNATURE', 'HTTP_FINTERNET_SIGNATURE'];

while (($line = fgets(STDIN)) !== false) {
    $fields = explode("\t", rtrim($line, "\n"));
    [$secret, $body] = array_map('base64_decode', $fields);
    $headers = [];
    foreach (NAMES as $index => $name) {
        if ($fields[$index + 2] !== '-') {
            $headers[$name] = base64_decode($fields[$index + 2]);
        }
    }
    $results = [verify($secret, $headers, $body), verifyFinternet($secret, $headers, $body)];
    echo implode(' ', array_map(fn (bool $result) => $result ? 'true' : 'false', $results)), "\n";
}
