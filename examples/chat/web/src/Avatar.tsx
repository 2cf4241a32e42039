/** The initials of a name, in a colour of its own. */
export function Avatar({ name, isHere }: { name: string; isHere?: boolean }) {
  const initials = name
    .split(/\s+/)
    .slice(0, 2)
    .map((word) => [...word][0]?.toUpperCase())
    .join("");
  return (
    <span className="avatar" style={{ "--hue": hueOf(name) }} aria-hidden="true">
      {initials}
      {isHere !== undefined && <span className={isHere ? "dot here" : "dot"} />}
    </span>
  );
}

function hueOf(name: string): number {
  let hash = 0;
  for (const character of name.toLowerCase()) {
    hash = (hash * 31 + character.codePointAt(0)!) % 65_537;
  }
  // the golden angle: names that are nearly the same look different
  return (hash * 137.508) % 360;
}
