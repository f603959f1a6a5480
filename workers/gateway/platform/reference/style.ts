/** The look of the reference: one column, light or dark as its reader has it, and as wide as a telephone at least. */
export const STYLE = `
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; --line: #8885; --soft: #8881; --accent: #0b6bcb }
@media (prefers-color-scheme: dark) { :root { --accent: #6cb6ff } }
body { max-width: 64rem; margin: 0 auto; padding: 0 1rem 4rem }
header { position: sticky; top: 0; background: Canvas; display: flex; flex-wrap: wrap; gap: .4rem 1rem; align-items: center;
  padding: .7rem 0; border-bottom: 1px solid var(--line); z-index: 1 }
h1 { margin: 0; font-size: 1.3rem }
h2 { margin: 2rem 0 .5rem; font-size: 1.15rem }
h3 { margin: 1rem 0 .3rem; font-size: .95rem }
a { color: var(--accent) }
code, pre, input, textarea { font-family: ui-monospace, monospace; font-size: .9em }
details { border: 1px solid var(--line); border-radius: 6px; margin: .35rem 0; padding: .4rem .7rem }
details details { border-style: dashed }
summary { cursor: pointer; overflow-wrap: anywhere }
summary .method { display: inline-block; min-width: 4.2rem; font-weight: 700; color: var(--accent) }
summary .about { opacity: .8 }
label { display: block }
header label { white-space: nowrap; display: flex; gap: .4rem; align-items: center; flex: 1 1 14rem }
input, textarea { width: 100%; box-sizing: border-box; padding: .25rem .4rem }
textarea { min-height: 7rem }
button { font: inherit; padding: .3rem 1.2rem; margin: .5rem 0 }
pre { overflow: auto; padding: .6rem; background: var(--soft); border-radius: 6px; max-height: 30rem }
dl { margin: .3rem 0 }
dt { margin-top: .45rem; overflow-wrap: anywhere }
dt .type { opacity: .75 }
dt .need { color: #b3261e; font-size: .85em }
@media (prefers-color-scheme: dark) { dt .need { color: #ff8a80 } }
dd { margin: 0 0 0 1rem; overflow-wrap: anywhere }
.hint { opacity: .75; font-size: .9em }
`;
