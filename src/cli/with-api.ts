// Where a command looks: at a server, where one is named, else in the stores of the data directory.

import type { Api } from './api.ts';
import { withLocalApi } from './local-api.ts';
import { createRemoteApi } from './remote-api.ts';
import { remoteServer } from './remote-server.ts';

/** Runs `work` with the API of where this command is to look. */
export async function withApi<T>(work: (api: Api) => Promise<T>): Promise<T> {
  const server = remoteServer(process.env);
  return server === undefined ? withLocalApi(work) : work(await createRemoteApi(server));
}
