import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errnoName, errnoText } from './constants.ts';
import { check, SystemError } from './errors.ts';
import { isCompiled, loadModule, loadNative, NativeModuleMissing } from './load.ts';

test('the module is loaded once', () => {
  assert.equal(loadNative(), loadNative());
  assert.equal(isCompiled(), false);
});

test('a module that is missing or is none is an error that says what to do', () => {
  assert.throws(
    () => loadModule('/proc/nonexistent/tlsify-os.node'),
    (error) => {
      assert.ok(error instanceof NativeModuleMissing);
      assert.match(error.message, /^\/proc\/nonexistent\/tlsify-os\.node is missing: .*gcc libc6-dev/);
      return true;
    },
  );
  assert.throws(() => loadModule('/etc/passwd'), /cannot be loaded/);
});

test('errors have names', () => {
  assert.equal(errnoName(-111), 'ECONNREFUSED');
  assert.equal(errnoName(-133), 'errno 133');
  assert.equal(errnoText(-111), 'connection refused');
  assert.equal(errnoText(-4), 'EINTR');
  assert.equal(check('read', 5), 5);
  const error = new SystemError('connect', -111);
  assert.equal(error.message, 'connect: connection refused');
  assert.equal(error.errno, 'ECONNREFUSED');
  assert.throws(() => check('connect', -111), SystemError);
});
