import type { Random } from '../ml/data/random.js';

/** In pixels of the photograph. */
export type Rectangle = {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
};

/** Rows and columns that a photograph of a class is divided into. */
const GRID = 5;
/** Column of each row's test region: one per row and per column, so that train and test see all of the picture. */
const TEST_COLUMNS = [1, 3, 0, 2, 4];
/** Smallest side of a patch, as a share of its region's shorter side. */
const SMALLEST_SHARE = 0.7;
/** Side below which a region is not divided further: a smaller patch would only be blown up. */
const SMALLEST_REGION = 64;

/** Divides a photograph into a grid of regions that do not overlap. */
export function gridOf(width: number, height: number, rows: number): Rectangle[] {
  const edge = (length: number, index: number) => Math.floor((length * index) / rows);
  return Array.from({ length: rows * rows }, (_, index) => {
    const row = Math.floor(index / rows);
    const column = index % rows;
    const left = edge(width, column);
    const top = edge(height, row);
    return { left, top, width: edge(width, column + 1) - left, height: edge(height, row + 1) - top };
  });
}

/** The regions that training patches are cut from, and those of test patches: none is in both. */
export function splitRegions(width: number, height: number): { train: Rectangle[]; test: Rectangle[] } {
  const regions = gridOf(width, height, GRID);
  const isTest = (index: number) => TEST_COLUMNS[Math.floor(index / GRID)] === index % GRID;
  return {
    train: regions.filter((_, index) => !isTest(index)),
    test: regions.filter((_, index) => isTest(index)),
  };
}

/** Regions of a stranger, all of which are tested: as fine a grid as a class's where the picture is large enough. */
export function strangerRegions(width: number, height: number): Rectangle[] {
  const rows = Math.floor(Math.min(width, height) / SMALLEST_REGION);
  return gridOf(width, height, Math.max(1, Math.min(GRID, rows)));
}

/** A square of random size and position that lies wholly within a region. */
export function randomPatch(region: Rectangle, random: Random): Rectangle {
  const longest = Math.min(region.width, region.height);
  const side = Math.round(longest * (SMALLEST_SHARE + (1 - SMALLEST_SHARE) * random.next()));
  return {
    left: region.left + random.integer(region.width - side + 1),
    top: region.top + random.integer(region.height - side + 1),
    width: side,
    height: side,
  };
}
