import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { connect } from "node:net";
import { basename, dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { stageRuntime } from "../../src/invoker/factory/process/staging.ts";
import { nodejs } from "../../src/runtimes/nodejs/manifest.ts";

/** Why tests of the docker factory are skipped here; false when they run. Where engines are required a skip is a failure. */
export const needsPodman = canRun() || process.env["SKEIN_REQUIRE_ENGINES"] === "1" ? false : "needs podman and root";

/** Files in an image, by path. */
export type ImageFiles = Readonly<Record<string, string>>;

function canRun(): boolean {
  return process.getuid?.() === 0 && spawnSync("podman", ["--version"]).status === 0;
}

/** Limits that a machine without the right to raise them can give. */
export const ULIMITS = [
  { name: "nofile", soft: 1024, hard: 4096 },
  { name: "nproc", soft: 2000, hard: 2000 },
];
const CONF = `[containers]
default_ulimits = ["nofile=1024:4096","nproc=2000:2000"]
[engine]
runtime = "runc"
`;
const START_MS = 20_000;

/** A Podman of the test's own: its images and containers are in a folder that goes with it. */
export class Podman {
  readonly socket: string;
  readonly folder: string;
  #child: ChildProcess;

  private constructor(folder: string) {
    this.folder = folder;
    this.socket = join(folder, "api.sock");
    writeFileSync(join(folder, "containers.conf"), CONF);
    this.#child = this.#serve();
  }

  static async start(): Promise<Podman> {
    const podman = new Podman(mkdtempSync("/tmp/sk-podman-"));
    await podman.#ready();
    return podman;
  }

  /** Kills the service and starts it again. Containers go on meanwhile. */
  async restartService(): Promise<void> {
    await this.#kill();
    this.#child = this.#serve();
    await this.#ready();
  }

  /** Runs the command line client on the same containers and gives what it printed. */
  run(...args: readonly string[]): string {
    const stdio = ["ignore", "pipe", "pipe"] as const;
    return execFileSync("podman", [...this.#where(), ...args], {
      env: this.#env(),
      encoding: "utf8",
      stdio: [...stdio],
    });
  }

  /** Makes an image that holds node, its libraries and these files, and runs the command. */
  image(
    name: string,
    options: { files?: ImageFiles; fill?: (root: string) => void; changes: readonly string[] },
  ): void {
    const root = mkdtempSync(join(this.folder, "root-"));
    for (const folder of ["action", "tmp", "dev", "proc", "sys", "etc"]) mkdirSync(join(root, folder));
    copyProgram(realpathSync(process.execPath), root, "/node");
    copyProgram(realpathSync("/bin/sh"), root, "/bin/sh");
    for (const [path, text] of Object.entries(options.files ?? {})) writeFileSync(join(root, path), text);
    options.fill?.(root);
    const tar = `${root}.tar`;
    execFileSync("tar", ["-C", root, "-cf", tar, "."]);
    rmSync(root, { recursive: true });
    this.run("import", "-q", ...options.changes.flatMap((change) => ["--change", change]), tar, name);
    rmSync(tar);
  }

  /** An image of Skein's own nodejs runtime. */
  nodejsImage(name: string): void {
    this.image(name, {
      fill: (root) => {
        const lib = join(root, "lib-skein");
        mkdirSync(lib);
        const staged = stageRuntime(nodejs.start, lib);
        const inside = (path: string) => path.slice(root.length);
        symlinkSync(inside(join(staged.entry, "..")), join(root, "runtime"));
        symlinkSync(inside(staged.modules), join(root, "action", "node_modules"));
      },
      changes: ["LABEL io.skein.runtime=nodejs", "WORKDIR /action", 'CMD ["/node","/runtime/main.cjs"]'],
    });
  }

  async close(): Promise<void> {
    if (existsSync(this.socket)) this.run("rm", "--all", "--force", "--time", "0");
    await this.#kill();
    // Its storage may be mounted on itself.
    spawnSync("umount", ["-l", join(this.folder, "root", "overlay")]);
    rmSync(this.folder, { recursive: true, force: true });
  }

  #serve(): ChildProcess {
    rmSync(this.socket, { force: true });
    const args = [...this.#where(), "system", "service", "--time=0", `unix://${this.socket}`];
    // Its monitors write where it was started.
    return spawn("podman", args, { cwd: this.folder, env: this.#env(), stdio: "ignore" });
  }

  async #ready(): Promise<void> {
    const end = performance.now() + START_MS;
    while (!(await listens(this.socket))) {
      if (performance.now() > end) {
        await this.close();
        throw new Error("podman does not serve its API");
      }
      await delay(20);
    }
  }

  async #kill(): Promise<void> {
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await gone;
  }

  #where(): readonly string[] {
    return ["--root", join(this.folder, "root"), "--runroot", join(this.folder, "run")];
  }

  #env(): NodeJS.ProcessEnv {
    return { ...process.env, CONTAINERS_CONF: join(this.folder, "containers.conf") };
  }
}

/** The name that a manifest gives an image of this test, told apart from any that a registry has. */
export function manifestOf(image: string, kind = "nodejs:24"): string {
  const [name = "", tag = "1"] = basename(image).split(":");
  const runtime = { kind, image: { registry: "localhost", name, tag }, default: true };
  return JSON.stringify({ runtimes: { [kind.split(":")[0] ?? kind]: [runtime] } });
}

/** Copies a program and the libraries that it is linked with to where they lie here. */
function copyProgram(program: string, root: string, to: string): void {
  const libraries = execFileSync("ldd", [program], { encoding: "utf8" }).matchAll(/(\/\S+) \(0x/g);
  for (const [from, target] of [
    [program, to] as const,
    ...Array.from(libraries, ([, path = ""]) => [path, path] as const),
  ]) {
    mkdirSync(dirname(join(root, target)), { recursive: true });
    copyFileSync(realpathSync(from), join(root, target));
  }
}

function listens(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.on("connect", () => resolve(true));
    socket.on("error", () => resolve(false));
    socket.on("close", () => socket.destroy());
    socket.on("connect", () => socket.destroy());
  });
}
