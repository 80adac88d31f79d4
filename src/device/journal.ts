/** How the journal moves. Pure: each function is one step that is saved as a whole, so a cut falls between steps. */
import { MAX_REFUSED, TRIAL_STARTS } from './limits.ts';
import type { DeviceJournal, InstalledImage, SlotName } from './ports.ts';

/** A device that has nothing yet. */
export const BLANK: DeviceJournal = { active: 'a', images: { a: null, b: null }, trial: null, refused: [] };

export function inactive({ active }: DeviceJournal): SlotName {
  return active === 'a' ? 'b' : 'a';
}

/** Before a slot is written: what it holds from now on is unknown. */
export function withSlotEmptied(journal: DeviceJournal): DeviceJournal {
  return { ...journal, images: { ...journal.images, [inactive(journal)]: null } };
}

/** The switch: the verified image in the inactive slot becomes the active one, on trial. */
export function withActivated(journal: DeviceJournal, image: InstalledImage): DeviceJournal {
  const slot = inactive(journal);
  return {
    ...journal,
    active: slot,
    images: { ...journal.images, [slot]: image },
    trial: { startsLeft: TRIAL_STARTS },
  };
}

/** Whether an image on trial was started at least once; a cut can fall between the switch and the first start. */
export function wasStarted({ trial }: DeviceJournal): boolean {
  return trial !== null && trial.startsLeft < TRIAL_STARTS;
}

/** Before each start on trial; `undefined` when no start is left. */
export function withStartCounted(journal: DeviceJournal): DeviceJournal | undefined {
  const left = journal.trial?.startsLeft ?? 0;
  return left > 0 ? { ...journal, trial: { startsLeft: left - 1 } } : undefined;
}

/** The trial is over and the image stays. */
export function withConfirmed(journal: DeviceJournal): DeviceJournal {
  return { ...journal, trial: null };
}

/** Back to the other slot; the image that failed is remembered. */
export function withReverted(journal: DeviceJournal): DeviceJournal {
  const failed = journal.images[journal.active];
  const refused = failed ? withRefused(journal, failed.sha256).refused : journal.refused;
  return { active: inactive(journal), images: { ...journal.images, [journal.active]: null }, trial: null, refused };
}

export function withRefused(journal: DeviceJournal, sha256: string): DeviceJournal {
  const others = journal.refused.filter((digest) => digest !== sha256);
  return { ...journal, refused: [...others, sha256].slice(-MAX_REFUSED) };
}
