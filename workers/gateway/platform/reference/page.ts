import { SCRIPT } from "./script.ts";
import { STYLE } from "./style.ts";

/** A reference without outside assets: it reads /openapi.json, shows every call with its fields, and lets one try it. */
export function docsPage(nonce: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Dure API</title>
<style nonce="${nonce}">${STYLE}</style>
</head>
<body>
<header>
<h1>Dure API</h1>
<label class="key">API key <input id="key" type="password" autocomplete="off" spellcheck="false" placeholder="dure_…"></label>
<label class="find">Find <input id="find" type="search" autocomplete="off" placeholder="claim, /v1/queues, idempotency…"></label>
<a href="/openapi.json">openapi.json</a>
</header>
<main id="calls"><p>Loading the reference…</p></main>
<noscript><p>This page is made by a script from <a href="/openapi.json">openapi.json</a>, which is the same reference.</p></noscript>
<script nonce="${nonce}" type="module">${SCRIPT}</script>
</body>
</html>
`;
}
