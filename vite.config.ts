/** How the studio is built and served: cross-origin isolation for threads, the security policy, and the offline list. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';

const POLICY = [
  "default-src 'self'",
  "connect-src 'self'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' blob: data:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

/** Threads need SharedArrayBuffer, and that needs these two. */
const ISOLATION = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

/** Writes the policy into the page; the development server needs inline scripts and its own socket besides. */
function securityPolicy(): Plugin {
  let serving = false;
  return {
    name: 'pare:security-policy',
    configResolved(config) {
      serving = config.command === 'serve';
    },
    transformIndexHtml(html) {
      const policy = serving
        ? POLICY.replace("connect-src 'self'", "connect-src 'self' ws:").replace(
            "script-src 'self'",
            "script-src 'self' 'unsafe-inline'",
          )
        : POLICY;
      return html.replace('%POLICY%', policy);
    },
  };
}

/** Lies beside the studio in `dist` and is built by a script of its own. */
const COMMAND_LINE = 'cli';

/** Empties the output folder of the studio's last build, and leaves the command line in it. */
function cleanStudio(): Plugin {
  let outDir = 'dist';
  return {
    name: 'pare:clean-studio',
    apply: 'build',
    configResolved(config) {
      outDir = resolve(config.root, config.build.outDir);
    },
    buildStart() {
      const old = existsSync(outDir) ? readdirSync(outDir).filter((name) => name !== COMMAND_LINE) : [];
      for (const name of old) rmSync(join(outDir, name), { recursive: true });
    },
  };
}

/** Fills the list of built files and their version into sw.js, once everything is written. */
function offlineList(): Plugin {
  let outDir = 'dist';
  let written = false;
  return {
    name: 'pare:offline-list',
    apply: 'build',
    configResolved(config) {
      outDir = resolve(config.root, config.build.outDir);
    },
    writeBundle() {
      written = true;
    },
    closeBundle() {
      // A build that failed closes too, and its own error is the one to show.
      if (!written) return;
      const files = filesIn(outDir).filter(
        (file) => file !== 'sw.js' && !file.endsWith('.map') && !file.startsWith(`${COMMAND_LINE}/`),
      );
      const version = createHash('sha256');
      for (const file of files) version.update(file).update(readFileSync(join(outDir, file)));
      // The runtime's wasm is 14 MB, and samples are a choice: both are kept when they are first used.
      const first = files.filter((file) => !/ort-wasm|^samples\/(?!index\.json)/.test(file));
      const path = join(outDir, 'sw.js');
      const source = readFileSync(path, 'utf8')
        .replace("'%VERSION%'", JSON.stringify(version.digest('hex').slice(0, 12)))
        .replace("['%FILES%']", JSON.stringify(first))
        .replace("'%POLICY%'", JSON.stringify(POLICY));
      writeFileSync(path, source);
    },
  };
}

function filesIn(folder: string, root = folder): string[] {
  return readdirSync(folder)
    .toSorted()
    .flatMap((name) => {
      const path = join(folder, name);
      return statSync(path).isDirectory() ? filesIn(path, root) : [relative(root, path)];
    });
}

export default defineConfig({
  base: './',
  plugins: [react(), securityPolicy(), cleanStudio(), offlineList()],
  worker: { format: 'es' },
  // Pre-bundling would move onnxruntime away from the wasm and thread files it looks for beside itself.
  optimizeDeps: { exclude: ['onnxruntime-web'], entries: ['index.html'] },
  server: { headers: ISOLATION },
  preview: { headers: { ...ISOLATION, 'Content-Security-Policy': POLICY } },
  build: {
    emptyOutDir: false,
    target: 'es2023',
    cssTarget: 'chrome123',
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 600,
  },
});
