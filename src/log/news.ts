// A flag that can be waited for: raised by whoever has news, lowered by who has heard them. News that come while
// nobody waits are not lost, and however many come are heard once.

export interface News {
  raise(): void;
  /** Resolves when the flag is, or has been, raised; lowers it. For one waiter at a time. */
  heard(): Promise<void>;
}

export function createNews(): News {
  let raised = false;
  let waiter: (() => void) | undefined;
  return {
    raise() {
      raised = true;
      waiter?.();
    },
    async heard() {
      if (!raised) {
        await new Promise<void>((resolve) => {
          waiter = resolve;
        });
      }
      waiter = undefined;
      raised = false;
    },
  };
}
