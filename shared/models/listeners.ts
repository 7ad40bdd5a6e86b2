/** Where clients connect to the embedded cluster. */
export interface ListenerAddresses {
  /** IP address that the listeners for clients bind to; null: loopback, this machine only. */
  bindHost: string | null;
  /** Host that brokers return to clients (`advertised.listeners`); null: that of `bindHost`. */
  advertisedHost: string | null;
}

export interface EmbeddedListeners {
  /** Of the cluster that runs. */
  active: ListenerAddresses;
  /** From the next start on, where no option of the command line says otherwise. */
  saved: ListenerAddresses;
  /** `active` comes from `--bind` or `--advertised-host`. */
  fromCommandLine: boolean;
  /** False where this run keeps no settings. */
  canSave: boolean;
  /** Addresses of this machine that are not loopback. */
  addresses: { address: string; interface: string }[];
}
