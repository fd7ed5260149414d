// SPDX-License-Identifier: Apache-2.0
// node onnxruntime_compare.js PACKAGE_FOLDER CASES.json: runs each model on its input and prints, as JSON, the largest
// difference from the expected output relative to the largest expected value, or why it could not be run.
'use strict';
const fs = require('fs');
const ort = require(require.resolve('onnxruntime-node', {paths: [process.argv[2]]}));

const floats = (file) => {
  const bytes = fs.readFileSync(file);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
};

(async () => {
  const results = {};
  for (const one of JSON.parse(fs.readFileSync(process.argv[3], 'utf8'))) {
    try {
      const session = await ort.InferenceSession.create(one.model, {intraOpNumThreads: 1, logSeverityLevel: 3});
      const input = session.inputMetadata[0];
      const feeds = {[input.name]: new ort.Tensor('float32', floats(one.input), input.shape)};
      const found = (await session.run(feeds))[session.outputNames[0]].data;
      const expected = floats(one.expected);
      let worst = found.length === expected.length ? 0 : Infinity;
      let largest = 1e-6;
      for (const value of expected) largest = Math.max(largest, Math.abs(value));
      for (let i = 0; i < expected.length; ++i) {
        const off = Math.abs(found[i] - expected[i]);
        worst = Math.max(worst, Number.isFinite(off) ? off : Infinity);
      }
      results[one.name] = {error: Number.isFinite(worst) ? worst / largest : 1e30};
      await session.release();
    } catch (error) {
      results[one.name] = {failure: String(error.message || error)};
    }
  }
  process.stdout.write(JSON.stringify(results));
  process.exit(0);
})();
