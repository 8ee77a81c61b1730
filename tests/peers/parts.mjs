// Where scripts/parts has put the packages, and a way to import a file of them.

import { pathToFileURL } from "node:url";

const parts = process.env.BRIG_PARTS
  ? pathToFileURL(`${process.env.BRIG_PARTS}/`)
  : new URL("../../target/parts/", import.meta.url);

export const part = (file) => import(new URL(`node/node_modules/${file}`, parts));
