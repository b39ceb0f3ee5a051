/**
 * Array's methods once more, for the executable on Bun: JavaScriptCore's own are JavaScript that it compiles when one is
 * first used, 10 to 75 us each in a process of 5 ms, while these are in the executable's bytecode: 2 % less in all. For lists without holes,
 * like all that this program makes.
 */

type Method<T> = (this: readonly unknown[], visit: (...of: unknown[]) => unknown, self?: unknown) => T;

const map: Method<unknown[]> = function (make, self) {
  const result: unknown[] = [];
  const { length } = this;
  for (let i = 0; i < length; i++) result.push(make.call(self, this[i], i, this));
  return result;
};

const flatMap: Method<unknown[]> = function (make, self) {
  const result: unknown[] = [];
  const { length } = this;
  for (let i = 0; i < length; i++) {
    const items = make.call(self, this[i], i, this);
    if (Array.isArray(items)) for (let j = 0; j < items.length; j++) result.push(items[j]);
    else result.push(items);
  }
  return result;
};

const filter: Method<unknown[]> = function (test, self) {
  const result: unknown[] = [];
  const { length } = this;
  for (let i = 0; i < length; i++) {
    const item = this[i];
    if (test.call(self, item, i, this)) result.push(item);
  }
  return result;
};

const findIndex: Method<number> = function (test, self) {
  const { length } = this;
  for (let i = 0; i < length; i++) if (test.call(self, this[i], i, this)) return i;
  return -1;
};

const find: Method<unknown> = function (test, self) {
  const { length } = this;
  for (let i = 0; i < length; i++) {
    const item = this[i];
    if (test.call(self, item, i, this)) return item;
  }
  return undefined;
};

const some: Method<boolean> = function (test, self) {
  const { length } = this;
  for (let i = 0; i < length; i++) if (test.call(self, this[i], i, this)) return true;
  return false;
};

const every: Method<boolean> = function (test, self) {
  const { length } = this;
  for (let i = 0; i < length; i++) if (!test.call(self, this[i], i, this)) return false;
  return true;
};

const forEach: Method<void> = function (work, self) {
  const { length } = this;
  for (let i = 0; i < length; i++) work.call(self, this[i], i, this);
};

export const arrayMethods = { map, flatMap, filter, findIndex, find, some, every, forEach };

Object.assign(Array.prototype, arrayMethods);
