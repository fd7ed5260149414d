// SPDX-License-Identifier: Apache-2.0
// Runs networks with ONNX Runtime's Node package and writes down how long they took.
//   node --expose-gc onnxruntime.js JOB.json
// docs/onnxruntime.md describes the job and the lines that are appended to its output.
'use strict';
const fs = require('fs');
const path = require('path');

const no_package = 3;  // exit status: onnxruntime-node is not there

function load_package(folders) {
  const paths = folders.concat([process.cwd()]);
  try {
    return require(require.resolve('onnxruntime-node', {paths}));
  } catch (error) {
    process.stderr.write(`onnxruntime-node cannot be loaded: ${error.message.split('\n')[0]}\n`);
    process.exit(no_package);
  }
}

/// mulberry32, so that an order can be repeated.
function random_of(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6D2B79F5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function shuffled(list, random) {
  const out = list.slice();
  for (let i = out.length; i > 1; --i) {
    const j = Math.floor(random() * i);
    [out[i - 1], out[j]] = [out[j], out[i - 1]];
  }
  return out;
}

const now_s = () => Number(process.hrtime.bigint()) * 1e-9;

class Runner {
  constructor(job) {
    this.job = job;
    this.ort = load_package(job.packages);
    this.output = fs.openSync(job.output, 'a');
    this.parent = process.ppid;
    this.begin = now_s();
    this.stopping = false;
    this.sessions = new Map();
    for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => { this.stopping = true; });
  }

  say(line) { fs.writeSync(this.output, JSON.stringify(line) + '\n'); }

  spent() { return this.job.spent_s + (now_s() - this.begin); }

  /// Also when whoever started us is gone.
  over() { return this.stopping || process.ppid !== this.parent || this.spent() >= this.job.budget_s; }

  options(profile) {
    const out = {
      executionProviders: ['cpu'],
      intraOpNumThreads: this.job.threads,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: this.job.optimization,
      extra: {session: {set_denormal_as_zero: '1'}},
    };
    return profile ? {...out, enableProfiling: true, profileFilePrefix: profile} : out;
  }

  async open(net, profile) {
    const session = await this.ort.InferenceSession.create(net.model, this.options(profile));
    const input = session.inputMetadata[0];
    const count = input.shape.reduce((a, b) => a * b, 1);
    const random = random_of(1);
    const values = Float32Array.from({length: count}, () => 2 * random() - 1);
    return {session, feeds: {[input.name]: new this.ort.Tensor('float32', values, input.shape)}, met: false, last: 0};
  }

  fail(net, error) {
    const reason = String(error && error.message ? error.message : error).split('\n')[0].slice(0, 500);
    net.failed = true;
    this.say({kind: 'failure', net: net.id, memory: /bad_alloc|allocate memory|out of memory/i.test(reason), reason});
  }

  /// ONNX Runtime's own profile of some forwards, without the arguments of its events that nobody needs.
  async profile(net) {
    const prefix = path.join(this.job.folder, 'profile-' + net.id);
    this.say({kind: 'begin', net: net.id});
    const {session, feeds} = await this.open(net, prefix);
    for (let i = 0; i < this.job.profile_skip + this.job.profile_forwards; ++i) await session.run(feeds);
    session.endProfiling();
    await session.release();
    const name = fs.readdirSync(this.job.folder).find((file) => file.startsWith(path.basename(prefix) + '_'));
    if (!name) throw new Error('ONNX Runtime wrote no profile');
    const file = path.join(this.job.folder, name);
    const events = JSON.parse(fs.readFileSync(file, 'utf8')).map(({cat, name, ts, dur, args}) =>
        ({cat, name, ts, dur, args: args && args.op_name ? {op_name: args.op_name} : {}}));
    fs.writeFileSync(net.profile + '.part', '[' + events.map((event) => JSON.stringify(event)).join(',\n') + ']\n');
    fs.renameSync(net.profile + '.part', net.profile);
    fs.unlinkSync(file);
    this.say({kind: 'profile', net: net.id});
  }

  async forward(open) {
    const usage = process.resourceUsage();
    const begin = now_s();
    await open.session.run(open.feeds);
    const wall = now_s() - begin;
    const after = process.resourceUsage();
    const cpu = 1e-6 * (after.userCPUTime + after.systemCPUTime - usage.userCPUTime - usage.systemCPUTime);
    open.last = wall;
    return [wall, cpu, after.involuntaryContextSwitches - usage.involuntaryContextSwitches];
  }

  async warm_up(open, first) {
    let best = Infinity;
    const start = now_s();
    for (let turn = 0; turn < 50; ++turn) {
      const [wall] = await this.forward(open);
      const settled = turn > 0 && wall >= 0.97 * best;
      best = Math.min(best, wall);
      if (settled && (!first || now_s() - start >= 0.3)) break;
    }
  }

  async visit(net, round, stretch) {
    this.say({kind: 'begin', net: net.id});
    if (!this.sessions.has(net.id)) this.sessions.set(net.id, await this.open(net, null));
    const open = this.sessions.get(net.id);
    if (global.gc) global.gc();
    if (open.met) await this.forward(open);
    else await this.warm_up(open, this.sessions.size === 1);
    open.met = true;
    const {forwards, visit_s, most_forwards} = this.job;
    const wanted = Math.max(forwards, Math.min(most_forwards, Math.ceil(visit_s / open.last)));
    const interrupted = ([wall, cpu, switches]) =>
      switches > 0 && (this.job.threads > 1 || wall - cpu > 0.002 * wall);
    const samples = [];
    for (let turn = 0, good = 0; turn < 2 * wanted + 1 && good < wanted; ++turn) {
      samples.push(await this.forward(open));
      if (!interrupted(samples[samples.length - 1])) ++good;
    }
    this.say({kind: 'visit', net: net.id, round, stretch, at_s: this.spent(), samples});
  }

  async guarded(net, action) {
    try {
      await action();
    } catch (error) {
      this.fail(net, error);
    }
  }

  async run() {
    const {job} = this;
    this.say({
      kind: 'environment',
      values: {node: process.version, onnxruntime: this.ort.env.versions.node || this.ort.env.versions.common,
               graph_optimization: job.optimization, execution_provider: 'cpu', denormals: 'flushed'},
    });
    const random = random_of(job.seed);
    for (const net of shuffled(job.nets.filter((one) => one.profile), random)) {
      if (this.over()) return;
      await this.guarded(net, () => this.profile(net));
    }
    let stretch = job.first_stretch;
    for (let round = job.first_round;; ++round) {
      const order = shuffled(job.nets.filter((one) => !one.failed), random);
      if (!order.some((one) => !one.reference)) return;
      const stretches = Math.max(1, Math.floor(order.length / job.stretch));
      const first = stretch;
      for (let at = 0; at < order.length; ++at) {
        if (this.over()) return;
        stretch = first + Math.floor(at * stretches / order.length);
        await this.guarded(order[at], () => this.visit(order[at], round, stretch));
      }
      ++stretch;
    }
  }
}

new Runner(JSON.parse(fs.readFileSync(process.argv[2], 'utf8'))).run().then(() => process.exit(0), (error) => {
  process.stderr.write(`${error && error.stack ? error.stack : error}\n`);
  process.exit(1);
});
