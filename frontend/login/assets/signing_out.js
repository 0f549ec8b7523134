// Goes on as soon as every frame has loaded, and does not wait for one that never does.
const go = () => location.replace(document.querySelector("#main a.button").href);
addEventListener("load", go);
setTimeout(go, 4000);
